"""Abilities as a DRF permission class: each view declares beside its actions what they need."""

from typing import Any, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.abilities import ELEVATED, matches
from accounts.authentication import granted_abilities
from accounts.errors import MissingAbility
from accounts.models import AccessToken, User
from config.api.problems import MethodNotAllowed, Unauthenticated


class UserRequest(Request):
    """A request that authentication has let through: `user` is a User."""

    user: User


def require_ability(request: Request, ability: str) -> None:
    """Raises 403 `missing-ability`, naming how to get it, unless the request holds the ability."""
    require_ability_of(cast("AccessToken | None", request.auth), ability)


def require_ability_of(token: AccessToken | None, ability: str) -> None:
    """The same for a token, or a console session (None), where there is no request of Django REST framework."""
    if not matches(granted_abilities(token), ability):
        way = "POST /api/auth/elevate" if ability in ELEVATED else "a new token with it: POST /api/auth/token"
        raise MissingAbility(f"This needs the ability {ability}. Get it by {way}.", required_ability=ability)


class HasAbility(BasePermission):
    """`view.abilities[action]` is needed; `None`: any signed-in caller. An action without an entry is a mistake."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if view.action in (None, "metadata"):  # no such method, or OPTIONS
            raise MethodNotAllowed(f"{request.method} is not allowed here.")
        if not getattr(request.user, "is_authenticated", False):
            raise Unauthenticated
        if ability := view.abilities[view.action]:
            require_ability(request, ability)
        return True


class IsPublic(BasePermission):
    """For the few routes that need no token."""
