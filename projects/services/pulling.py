"""Pulls a project: its default branch moves forwards to where the remote's is. Safe to begin again at any point."""

from projects.models import Project
from projects.services.fetching import Claim, Outcome, bring_up_to_date, carry_out

Status = Project.Status


def pull_project(project_id: int) -> None:
    """Claims a project that waits for a pull and carries it out.

    The project stays usable whatever happens: a failed pull makes it `ready` again, and `error` says why.
    """
    pulling = Status.PULLING
    carry_out(project_id, _pull, waiting=[pulling], meanwhile=pulling, after_failure=Status.READY)


def _pull(project: Project, claim: Claim) -> Outcome:
    return bring_up_to_date(project, claim, only_forwards=True)
