"""The way in: who asks for a stream, whether they may have it, and their place; all in one go, in one thread."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest, parse_cookie

from accounts import queries
from accounts.authentication import bearer_text
from accounts.models import AccessToken, User
from accounts.permissions import require_ability_of
from config.api.problems import NotFound, Unauthenticated
from config.api.throttle import Usage, count
from runs.models import Run
from runs.services import places
from runs.stream import log
from runs.stream.asking import Wishes, read_wishes
from runs.stream.guard import Watched
from runs.stream.log import Topic

ABILITY = "projects:read"


@dataclass(frozen=True)
class Visitor:
    """Somebody at the door of a stream: a token's bearer or a console session."""

    user: User
    token: AccessToken | None
    session_key: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody who may stream: the place taken, where the stream begins, and the topic's newest id at that time."""

    place: int
    replaced: frozenset[int]
    watched: Watched
    wishes: Wishes
    cursor: int
    newest: int


def enter(topic: Topic, path: str, query: bytes, headers: Mapping[bytes, bytes], spent: list[Usage]) -> Entry:
    """Lets in, or raises the problem that the client is told. What the request has used is noted in `spent`."""
    visitor = recognise(headers)
    spent.append(count("streams:open", str(visitor.user.pk)))
    spent[0].require_left()
    admit(visitor, topic.run_id)
    wishes = read_wishes(query, headers)
    cursor, newest = log.beginning(topic, wishes.start), log.last_id(topic)
    taken = places.take_place(visitor.user, visitor.token, path=path, client=wishes.client)
    watched = Watched(visitor.user.pk, visitor.session_key, topic.run_id)
    return Entry(taken.pk, taken.replaced, watched, wishes, cursor, newest)


def recognise(headers: Mapping[bytes, bytes]) -> Visitor:
    """The visitor, or 401 `unauthenticated`."""
    text = bearer_text(headers.get(b"authorization", b"").decode("latin-1"))
    if text is not None:
        token = queries.find_token(text)
        if token is None:
            raise Unauthenticated
        queries.note_use(token)
        return Visitor(token.user, token)
    key = parse_cookie(headers.get(b"cookie", b"").decode("latin-1")).get(settings.SESSION_COOKIE_NAME)
    user = session_user(key) if key else None
    if user is None:
        raise Unauthenticated
    return Visitor(user, None, key)


def session_user(key: str) -> User | None:
    """Whose console session it is, as Django looks at one in every request; None when it is no good."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user = get_user(request)
    return user if isinstance(user, User) and user.is_active else None


def admit(visitor: Visitor, run_id: int | None) -> None:
    """403 `missing-ability`, or 404 where the visitor may not see the run."""
    require_ability_of(visitor.token, ABILITY)
    if run_id is not None and not may_see_run(visitor.user, run_id):
        raise NotFound


def may_see_run(user: User, run_id: int) -> bool:
    """Whether the run exists and is one of the person's; any number is taken."""
    return run_id < 2**63 and Run.objects.visible_to(user).filter(pk=run_id).exists()
