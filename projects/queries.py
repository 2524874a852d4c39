"""Reads about projects that span rows."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from config.api.params import read
from projects.git.repository import REMOTE_REFS
from projects.models import Membership, Project, ProjectCredential, ProjectFacts
from projects.workspaces import open_repository

FEW = 500


def few_projects_of(user: User) -> list[int] | None:
    """The ids of all that somebody may see; None where these are more than `FEW`."""
    if user.is_operator:
        return None
    ids = list(Membership.objects.filter(user=user).values_list("project", flat=True)[: FEW + 1])
    return ids if len(ids) <= FEW else None


def is_visible_to(user: User) -> Q:
    """As `ProjectQuerySet.visible_to` says, for projects that are looked at one by one."""
    own = Membership.objects.filter(user=user, project=OuterRef("pk"))
    return Q() if user.is_operator else Q(Exists(own))


def describe(user: User, projects: Sequence[Project]) -> None:
    """Gives each project its `facts`, by at most two queries whatever their number."""
    roles, counts = _roles_of(user, projects), _run_counts(projects)
    for project in projects:
        project.facts = ProjectFacts(role=roles.get(project.pk), run_counts=counts[project.pk])


def _run_counts(projects: Iterable[Project]) -> dict[int, dict[str, int]]:
    """For each project, how many runs are in which status, as it was kept (one query)."""
    counts: dict[int, dict[str, int]] = {project.pk: {} for project in projects}
    kept = Project.objects.filter(pk__in=counts, run_counts__number__gt=0)
    for pk, status, number in kept.values_list("pk", "run_counts__status", "run_counts__number"):
        counts[pk][status] = number
    return counts


def _roles_of(user: User, projects: Iterable[Project]) -> dict[int, str]:
    """The user's role in each of the projects (one query; none for operators, who are owners everywhere)."""
    ids = [project.pk for project in projects]
    if user.is_operator:
        return dict.fromkeys(ids, Membership.Role.OWNER)
    return dict(Membership.objects.filter(user=user, project__in=ids).values_list("project_id", "role"))


def fetched_head(project: Project, branch: str) -> str | None:
    """The commit at which the remote's branch was when it was fetched last; None where it was not."""
    if not branch or not project.repository_path.is_dir():
        return None
    return open_repository(project).resolve(f"{REMOTE_REFS}{branch}")


def may_have_branch(project: Project, branch: str) -> bool:
    """Whether the remote's branch was fetched; where the history was cut off nobody knows before the next pull."""
    return open_repository(project).is_shallow or fetched_head(project, branch) is not None


def commands_around(project: Project) -> tuple[list[str], list[str]]:
    """What is done in a run's work tree before its agent starts and after it has ended: the project's, else params."""
    own = (project.setup_commands, project.teardown_commands)
    keys = ("runs.setup_commands", "runs.teardown_commands")
    setup, teardown = (
        list(read(key)) if commands is None else commands for commands, key in zip(own, keys, strict=True)
    )
    return setup, teardown


def describe_credential(project: Project) -> dict[str, Any]:
    """What may be shown of the project's login: never the secret."""
    stored = ProjectCredential.objects.filter(project=project).first()
    if stored is None:
        return {"kind": None, "is_set": False, "username": None, "fingerprint": None, "updated_at": None}
    return {
        "kind": stored.kind,
        "is_set": True,
        "username": stored.username or None,
        "fingerprint": stored.fingerprint,
        "updated_at": stored.updated_at,
    }
