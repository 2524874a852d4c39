"""The throw-away git dir that an agent gets inside the sandbox; the server writes it once and never opens it again."""

import os
import shutil
from pathlib import Path

from projects.git.private_dir import REVIEW_ATTRIBUTES, write_git_dir
from projects.git.work_tree import WorkTree, change_owner, remove_folder

_CONFIG = """\tlogAllRefUpdates = true
\tcheckStat = minimal
\ttrustctime = false
[user]
\tname = Agent
\temail = agent@quarterdeck.invalid
[gc]
\tauto = 0
[maintenance]
\tauto = false
"""


def create_agent_git_dir(git_dir: Path, *, work_tree: WorkTree, branch: str, path_inside: Path | None = None) -> None:
    """Make a git dir with `branch` at the work tree's base commit, and the work tree's `.git` file that names it.

    One that is there is replaced. The repository's published objects are alternates, those that other runs have made
    are not: the sandbox must show that folder read-only at the same path. `path_inside` is where the sandbox shows
    `git_dir`, when elsewhere. Call while no agent runs there.
    """
    remove_folder(git_dir)
    git_dir.mkdir(parents=True, mode=0o700)
    write_git_dir(git_dir, REVIEW_ATTRIBUTES, head=f"refs/heads/{branch}", extra_config=_CONFIG)
    shutil.copyfile(work_tree.review.attributes, git_dir / "info" / "attributes")
    shutil.copyfile(work_tree.pristine_index, git_dir / "index")
    (git_dir / "objects" / "info").mkdir()
    (git_dir / "objects" / "info" / "alternates").write_text(f"{work_tree.repository.objects}\n")
    shallow = work_tree.repository.path / "shallow"
    if shallow.exists():
        shutil.copyfile(shallow, git_dir / "shallow")
    (git_dir / "packed-refs").write_text(f"# pack-refs with: peeled \n{work_tree.base_commit} refs/heads/{branch}\n")
    change_owner(git_dir, work_tree.owner)
    _write_git_file(work_tree, path_inside or git_dir)


def _write_git_file(work_tree: WorkTree, target: Path) -> None:
    """Never through a link that an earlier agent left: whatever is at `.git` is removed, the file made anew."""
    git_file = work_tree.path / ".git"
    remove_folder(git_file)
    descriptor = os.open(git_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"gitdir: {target}\n")
        if work_tree.owner is not None:
            os.fchown(descriptor, work_tree.owner.uid, work_tree.owner.gid)
