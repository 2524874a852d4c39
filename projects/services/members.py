"""Who works in a project: added, given another role, removed. The last owner stays.

Each change takes the project's row first, so that two of them never both find the other owner still there.
"""

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from projects.errors import AlreadyMember, LastOwner
from projects.models import Membership, Project
from projects.services.lifecycle import lock_writable

Role = Membership.Role


@transaction.atomic
def add_member(project: Project, person: User, role: str, *, actor: User) -> Membership:
    """Makes a person a member, or raises 409 `already-member`."""
    lock_writable(project)
    if project.memberships.filter(user=person).exists():
        raise AlreadyMember("Change the role with PUT instead.", project_id=project.pk, user_id=person.pk)
    membership = Membership.objects.create(project=project, user=person, role=role)
    audit(actor, "member_added", project_id=project.pk, user_id=person.pk, role=role)
    return membership


@transaction.atomic
def change_role(membership: Membership, role: str, *, actor: User) -> None:
    """Gives a member another role."""
    lock_writable(membership.project)
    if role != Role.OWNER:
        _require_another_owner(membership)
    Membership.objects.filter(pk=membership.pk).update(role=role)
    membership.role = role
    audit(actor, "member_changed", project_id=membership.project_id, user_id=membership.user_id, role=role)


@transaction.atomic
def remove_member(membership: Membership, *, actor: User) -> None:
    """Ends a membership: what the person has open of the project ends within seconds."""
    lock_writable(membership.project)
    _require_another_owner(membership)
    membership.delete()
    audit(actor, "member_removed", project_id=membership.project_id, user_id=membership.user_id)


def _require_another_owner(membership: Membership) -> None:
    owners = set(membership.project.memberships.owners().values_list("pk", flat=True))
    if owners == {membership.pk}:
        raise LastOwner(
            "Make somebody else an owner first.", project_id=membership.project_id, user_id=membership.user_id
        )
