"""Who may open a stream, and whether they still may."""

from collections.abc import Iterable
from typing import Any

from accounts import queries
from accounts.abilities import matches
from accounts.authentication import bearer_text, granted_abilities
from accounts.errors import MissingAbility
from accounts.models import AccessToken, User
from config.api.problems import NotFound, Unauthenticated
from projects.models import Project
from runs.models import Run

ABILITY = "projects:read"


class Visitor:
    """Somebody at the door of a stream: a token's bearer or a console session."""

    def __init__(self, user: User, token: AccessToken | None) -> None:
        self.user, self.token = user, token

    def is_still_known(self) -> bool:
        """Whether the token, or the session's person, is still good. The person is read anew: roles change."""
        user = User.objects.filter(pk=self.user.pk, is_active=True).first()
        if user is None:
            return False
        self.user = user
        return self.token is None or AccessToken.objects.usable().filter(pk=self.token.pk).exists()

    def visible_projects(self) -> frozenset[int]:
        return frozenset(Project.objects.visible_to(self.user).values_list("pk", flat=True))


def admit(headers: Iterable[tuple[bytes, bytes]], session_user: Any) -> Visitor:
    """The visitor, or 401 `unauthenticated`, or 403 `missing-ability`."""
    text = bearer_text(dict(headers).get(b"authorization", b"").decode("latin-1"))
    if text is not None:
        token = queries.find_token(text)
        if token is None:
            raise Unauthenticated
        queries.note_use(token)
        visitor = Visitor(token.user, token)
    elif isinstance(session_user, User) and session_user.is_active:
        visitor = Visitor(session_user, None)
    else:
        raise Unauthenticated
    if not matches(granted_abilities(visitor.token), ABILITY):
        raise MissingAbility(f"This needs the ability {ABILITY}.", required_ability=ABILITY)
    return visitor


def require_run(visitor: Visitor, run_id: int) -> None:
    """404 unless the visitor may see the run."""
    if not may_see_run(visitor, run_id):
        raise NotFound


def may_see_run(visitor: Visitor, run_id: int) -> bool:
    """Whether the run exists and is one of the visitor's; any number is taken."""
    return run_id < 2**63 and Run.objects.visible_to(visitor.user).filter(pk=run_id).exists()
