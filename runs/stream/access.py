"""Who may open a stream, and whether they still may."""

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest

from accounts import queries
from accounts.authentication import bearer_text
from accounts.models import AccessToken, User
from accounts.permissions import require_ability_of
from config.api.problems import NotFound, Unauthenticated
from projects.models import Project
from runs.models import Run

ABILITY = "projects:read"


class Visitor:
    """Somebody at the door of a stream: a token's bearer or a console session."""

    def __init__(self, user: User, token: AccessToken | None, session_key: str | None = None) -> None:
        self.user, self.token, self.session_key = user, token, session_key

    def is_still_known(self) -> bool:
        """Whether the token, or the console session, is still good. The person is read anew: roles change."""
        user = User.objects.filter(pk=self.user.pk, is_active=True).first()
        if user is None:
            return False
        self.user = user
        if self.token is None:
            return self._is_session_good()
        return AccessToken.objects.usable().filter(pk=self.token.pk).exists()

    def _is_session_good(self) -> bool:
        """As Django looks at a session in every request: it is there, and the password is still the same."""
        request = HttpRequest()
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session_key)
        return bool(get_user(request).pk == self.user.pk)

    def visible_projects(self) -> frozenset[int]:
        return frozenset(Project.objects.visible_to(self.user).values_list("pk", flat=True))


def recognise(headers: Iterable[tuple[bytes, bytes]], session_user: Any, session: Any) -> Visitor:
    """The visitor, or 401 `unauthenticated`."""
    text = bearer_text(dict(headers).get(b"authorization", b"").decode("latin-1"))
    if text is not None:
        token = queries.find_token(text)
        if token is None:
            raise Unauthenticated
        queries.note_use(token)
        return Visitor(token.user, token)
    if isinstance(session_user, User) and session_user.is_active:
        return Visitor(session_user, None, session.session_key)
    raise Unauthenticated


def admit(visitor: Visitor, run_id: int | None) -> None:
    """403 `missing-ability`, or 404 where the visitor may not see the run."""
    require_ability_of(visitor.token, ABILITY)
    if run_id is not None and not may_see_run(visitor, run_id):
        raise NotFound


def may_see_run(visitor: Visitor, run_id: int) -> bool:
    """Whether the run exists and is one of the visitor's; any number is taken."""
    return run_id < 2**63 and Run.objects.visible_to(visitor.user).filter(pk=run_id).exists()
