"""What a request for a stream asks for: where it begins, what it wants of it, and who the client is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from config.api.problems import InvalidCursor, InvalidParameter
from config.api.query_parameters import wrong_parameter
from runs.filters import EventFilter, read_filter
from runs.stream.log import Topic

MAX_CLIENT_LENGTH = 100
PARAMETERS = frozenset({"lastEventId", "eventTypes", "severity", "path", "follow", "client"})


@dataclass(frozen=True, slots=True)
class Wishes:
    """A request's wishes. `start` is the id after which it resumes, None without one."""

    start: int | None
    wanted: EventFilter
    is_followed: bool
    client: str


def topic_of(scope: Mapping[str, Any]) -> Topic:
    """The run that the path names, or the user stream."""
    named = scope["url_route"]["kwargs"].get("run")
    return Topic(None if named is None else int(named))


def read_wishes(query_string: bytes, headers: Mapping[bytes, bytes]) -> Wishes:
    """From a request, or 400 `invalid-parameter` or `invalid-cursor`."""
    parameters = read_parameters(query_string)
    start = read_start(parameters, headers)
    is_followed, client = parameters.get("follow") != "false", parameters.get("client", "")
    return Wishes(start, read_filter(parameters), is_followed, client)


def read_parameters(query_string: bytes) -> dict[str, str]:
    """The query's parameters; an unknown one, or one that is given twice, is 400 `invalid-parameter`."""
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    if (problem := wrong_parameter((name for name, _ in pairs), PARAMETERS)) is not None:
        raise problem
    parameters = dict(pairs)
    if len(client := parameters.get("client", "")) > MAX_CLIENT_LENGTH or "\0" in client:
        raise InvalidParameter(f"client has at most {MAX_CLIENT_LENGTH} characters.", parameter="client")
    if parameters.get("follow", "true") not in ("true", "false"):
        raise InvalidParameter("follow is true or false.", parameter="follow")
    return parameters


def read_start(parameters: Mapping[str, str], headers: Mapping[bytes, bytes]) -> int | None:
    """The id after which the stream resumes: `Last-Event-ID`, else `?lastEventId=`; None without one."""
    text = headers.get(b"last-event-id", b"").decode("latin-1") or parameters.get("lastEventId", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidCursor("Last-Event-ID is the id of an event of this stream.")
    return int(text)
