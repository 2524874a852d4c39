"""Roles in a project. An ability says what a token may do, a role what its person may do in this project."""

from accounts.models import User
from accounts.services import audit
from config.api.request_id import current_request_id
from projects.errors import RoleRequired
from projects.models import Membership, Project

Role = Membership.Role
_RANK = {Role.VIEWER: 0, Role.MAINTAINER: 1, Role.OWNER: 2}


def role_in(project: Project, user: User) -> str | None:
    """The user's role; operators act as owners everywhere."""
    return Role.OWNER if user.is_operator else membership_role(project, user)


def membership_role(project: Project, user: User) -> str | None:
    """The role that the user was given as a member, None for others."""
    return project.memberships.filter(user=user).values_list("role", flat=True).first()


def is_enough(role: str | None, least: Membership.Role) -> bool:
    """Whether a role is that one or a higher one."""
    return role is not None and _RANK[Role(role)] >= _RANK[least]


def require_role(project: Project, user: User, least: Membership.Role) -> None:
    """Raises 403 `role-required` unless the user has that role or a higher one.

    What operators do where their own membership would not let them is audited here; the request id leads from that row
    to the request's log lines.
    """
    role = membership_role(project, user)
    if is_enough(role, least):
        return
    if user.is_operator:
        audit(user, "acted_as_owner", project_id=project.pk, role=least.value, request_id=current_request_id.get())
        return
    raise RoleRequired(
        f"This needs the role {least.value} in the project; yours is {role or 'none'}.",
        required_role=least.value,
        project_id=project.pk,
    )
