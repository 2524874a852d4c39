"""Which runs a list shows, and which events a reader wants: the same for pages, replay and live."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db.models import Q
from django.utils.dateparse import parse_datetime
from django_filters.filters import ChoiceFilter
from django_filters.rest_framework.filterset import FilterSet

from config.api.filtering import IdFilter, SearchFilter
from config.api.problems import InvalidParameter
from runs.models import AgentEvent, Permission, Run
from runs.queries import last_event_before

SEVERITIES = tuple(AgentEvent.Severity.values)


class RunFilterSet(FilterSet):
    """`?status=&search=`: the runs of one project."""

    status = ChoiceFilter(choices=Run.Status.choices)
    search = SearchFilter(field_name="title", label="Somewhere in the title.")


class AllRunsFilterSet(RunFilterSet):
    """`?projectId=&status=&search=`: runs of all projects."""

    projectId = IdFilter(field_name="project")  # noqa: N815 - as the query parameter is called


class PermissionFilterSet(FilterSet):
    """`?status=`: a run's questions."""

    status = ChoiceFilter(choices=Permission.Status.choices)


class EventRow(Protocol):
    """What a filter looks at."""

    @property
    def event_type(self) -> str: ...

    @property
    def severity(self) -> str: ...

    @property
    def path(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A reader's wishes; empty ones let everything pass."""

    event_types: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    path: str = ""

    @property
    def is_open(self) -> bool:
        return not (self.event_types or self.severities or self.path)

    def admits(self, row: EventRow) -> bool:
        """Whether the reader wants this row."""
        if self.event_types and row.event_type not in self.event_types:
            return False
        if self.severities and row.severity not in self.severities:
            return False
        if not self.path:
            return True
        return row.path is not None and (
            row.path.startswith(self.path) if self.path.endswith("/") else row.path == self.path
        )

    def condition(self) -> Q:
        """The same, for the database. SQLite's LIKE ignores case, so `admits` has the last word on a prefix."""
        wanted = Q()
        if self.event_types:
            wanted &= Q(event_type__in=self.event_types)
        if self.severities:
            wanted &= Q(severity__in=self.severities)
        if self.path:
            wanted &= Q(path__startswith=self.path) if self.path.endswith("/") else Q(path=self.path)
        return wanted


EVERYTHING = EventFilter()
"""One for all readers without wishes: each stream keeps its filter for as long as it lasts."""


def read_filter(parameters: Mapping[str, str]) -> EventFilter:
    """From query parameters; 400 `invalid-parameter` names the one that is wrong."""
    severity = parameters.get("severity")
    if severity is not None and severity not in SEVERITIES:
        raise InvalidParameter(f"severity is one of {', '.join(SEVERITIES)}.", parameter="severity")
    types = [each for each in parameters.get("eventTypes", "").split(",") if each]
    if len(types) > 50 or "\0" in "".join(types):
        raise InvalidParameter("eventTypes is a comma list of at most 50 event types.", parameter="eventTypes")
    if "\0" in parameters.get("path", ""):
        raise InvalidParameter("path is a text without NUL.", parameter="path")
    if not (types or severity or parameters.get("path")):
        return EVERYTHING
    return EventFilter(
        event_types=frozenset(types),
        severities=frozenset(SEVERITIES[SEVERITIES.index(severity) :]) if severity else frozenset(),
        path=parameters.get("path", ""),
    )


def read_since(run: Run, text: str) -> int:
    """The id of the last event that a reader does not want, from `?since=`: that id, or a time with its zone."""
    if text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    return last_event_before(run, _read_moment(text))


def _read_moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text) if "T" in text else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidParameter("since is an event id or a time with its zone.", parameter="since")
    return moment
