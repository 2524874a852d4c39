"""Roles in a project. An ability says what a token may do, a role what its person may do in this project."""

from accounts.models import User
from projects.errors import RoleRequired
from projects.models import Membership, Project

Role = Membership.Role
_RANK = {Role.VIEWER: 0, Role.MAINTAINER: 1, Role.OWNER: 2}


def role_in(project: Project, user: User) -> str | None:
    """The user's role; operators act as owners everywhere."""
    if user.is_operator:
        return Role.OWNER
    return project.memberships.filter(user=user).values_list("role", flat=True).first()


def require_role(project: Project, user: User, least: Membership.Role) -> None:
    """Raises 403 `role-required` unless the user has that role or a higher one."""
    role = role_in(project, user)
    if role is None or _RANK[Role(role)] < _RANK[least]:
        raise RoleRequired(
            f"This needs the role {least.value} in the project; yours is {role or 'none'}.",
            required_role=least.value,
            project_id=project.pk,
        )
