"""Clones a project: fetches into its bare repository, lays out its own work tree. Safe to begin again at any point."""

from config.api.params import read
from projects.git.repository import create_repository
from projects.locks import repository_lock
from projects.models import Project
from projects.services.fetching import Claim, Outcome, bring_up_to_date, carry_out

Status = Project.Status


def clone_project(project_id: int) -> None:
    """Claims a pending or abandoned clone and carries it out; the outcome is on the project."""
    waiting = [Status.PENDING, Status.CLONING]
    carry_out(project_id, _clone, waiting=waiting, meanwhile=Status.CLONING, after_failure=Status.ERROR)


def _clone(project: Project, claim: Claim) -> Outcome:
    with repository_lock(project):
        create_repository(project.repository_path)
    return bring_up_to_date(project, claim, depth=read("git.clone_depth") or None)
