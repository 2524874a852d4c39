"""Opens what lies on disk for rows: a project's repository, a workspace's work tree."""

import os
from functools import partial

from config.api.params import read
from projects.git.extent import CheckoutLimits
from projects.git.repository import Repository
from projects.git.work_tree import Owner, WorkTree, create_work_tree
from projects.locks import require_repository_lock
from projects.models import Project, Workspace

OWN_WORKSPACE = "project"
"""The name of a project's own work tree."""

GIBIBYTE = 1 << 30
AGENT_ID = 65534
"""The unprivileged uid and gid that agents run as where the server is root: nobody."""


def agent_owner() -> Owner | None:
    """Whom an agent's files belong to: nobody when the server is root, else the server's own user (None)."""
    return Owner(AGENT_ID, AGENT_ID) if os.geteuid() == 0 else None


def open_repository(project: Project) -> Repository:
    """The project's bare repository, which the server alone writes."""
    return Repository(project.repository_path, guard=partial(require_repository_lock, project))


def open_work_tree(workspace: Workspace) -> WorkTree:
    """The workspace's work tree with its private index, made or not."""
    return WorkTree(
        open_repository(workspace.project), workspace.work_tree_path, workspace.index_path, owner=agent_owner()
    )


def lay_out_work_tree(workspace: Workspace) -> WorkTree:
    """The work tree with the files of the workspace's base commit; one that is there is taken as it is."""
    return create_work_tree(
        open_repository(workspace.project),
        workspace.work_tree_path,
        index_dir=workspace.index_path,
        base_commit=workspace.base_commit,
        owner=agent_owner(),
        limits=CheckoutLimits(read("git.checkout_files"), int(read("git.checkout_gb") * GIBIBYTE)),
    )
