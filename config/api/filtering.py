"""Filters of lists by query parameters: django-filter does the work, its errors become problems."""

from typing import Any

from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import Q
from django_filters.filters import CharFilter, ChoiceFilter, Filter
from django_filters.rest_framework.backends import DjangoFilterBackend
from drf_spectacular.utils import extend_schema_field
from rest_framework.request import Request

from config.api.looking import look_for
from config.api.problems import InvalidParameter

MAX_SEARCH_CHARACTERS = 200


class ParameterFilterBackend(DjangoFilterBackend):
    """Filters lists by the view's `filterset_class`; a value that does not fit is 400 `invalid-parameter`."""

    def filter_queryset(self, request: Request, queryset: Any, view: Any) -> Any:
        filterset = self.get_filterset(request, queryset, view) if view.action in view.paged else None
        if filterset is None:
            return queryset
        _refuse_blank(request, filterset)
        if not filterset.is_valid():
            name, reasons = next(iter(filterset.errors.items()))
            raise InvalidParameter(f"{name}: {' '.join(reasons)}", parameter=name)
        return filterset.qs


def _refuse_blank(request: Request, filterset: Any) -> None:
    """`?status=` is a mistake, and no wish for every status, which django-filter takes it for."""
    for name, each in filterset.filters.items():
        if request.query_params.get(name) == "" and not isinstance(each, SearchFilter):
            raise InvalidParameter(f"{name} has no value.", parameter=name)


def parameters_of(view: Any) -> frozenset[str]:
    """The names of the query parameters that a view's filters read."""
    filterset = getattr(view, "filterset_class", None)
    return frozenset() if filterset is None else frozenset(filterset.base_filters)


@extend_schema_field({"type": "integer", "minimum": 0, "maximum": 10**18 - 1})
class IdFilter(Filter):
    """The id of a row: digits that fit a 64-bit column."""

    field_class: type[forms.Field] = forms.RegexField

    def __init__(self, **options: Any) -> None:
        super().__init__(regex=r"^[0-9]{1,18}\Z", error_messages={"invalid": "This is not an id."}, **options)


class LookedFor(Filter):
    """A filter that no index answers (config.api.looking)."""

    def filter(self, qs: Any, value: Any) -> Any:
        return qs if value in EMPTY_VALUES else look_for(qs, Q(**{f"{self.field_name}__{self.lookup_expr}": value}))


class LookedForChoice(LookedFor, ChoiceFilter):
    """One of some values. It has a constructor so that it has types: the one of django-filter has none."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)


class LookedForId(LookedFor, IdFilter):
    """An id or another number."""


class SearchFilter(LookedFor, CharFilter):
    """A text that stands somewhere in the column, in capitals or not."""

    def __init__(self, **options: Any) -> None:
        super().__init__(lookup_expr="icontains", max_length=MAX_SEARCH_CHARACTERS, strip=False, **options)
