"""The private indexes of a work tree as roots of a collection: git takes what an index knows for there, unread."""

import shutil
from dataclasses import replace

from projects.git.errors import GitFailed
from projects.git.private_dir import PrivateDir
from projects.git.work_tree import WorkTree


def trees_in_indexes(work_tree: WorkTree) -> list[str]:
    """Ids of trees with all that the work tree's indexes hold. Errors as of `run_git`, where one is damaged."""
    if not work_tree.is_ready:
        return []
    with work_tree.locked():
        return [_tree_of(private) for private in (work_tree.review, work_tree.exact) if private.index.exists()]


def _tree_of(private: PrivateDir) -> str:
    """Of a copy: the index itself is its writers'."""
    copy = replace(private, index_name="index.collected", config=())  # the parts of a split index are the index's own
    shutil.copyfile(private.index, copy.index)
    try:
        return _write(copy)
    except GitFailed:  # a look that was killed may have left names in it that stand for an empty file, which is nowhere
        copy.repository.run(["hash-object", "-w", "--stdin"], standard_input=b"")
        return _write(copy)
    finally:
        copy.index.unlink(missing_ok=True)


def _write(copy: PrivateDir) -> str:
    return copy.run(["write-tree"]).decode().strip()
