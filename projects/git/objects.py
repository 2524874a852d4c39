"""GitPython's view of a repository's objects, fed by our own git process; GitPython itself starts none here.

Imported only where a commit is read: GitPython costs a tenth of a second.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

# GitPython asks git for its version as soon as it is imported. It shall find no git, then or later.
NO_GIT = "/nonexistent/git"
os.environ.update(GIT_PYTHON_GIT_EXECUTABLE=NO_GIT, GIT_PYTHON_REFRESH="quiet")

from git import Commit, Git, GitCmdObjectDB, Repo  # noqa: E402 - see above
from gitdb import OInfo, OStream  # type: ignore[import-untyped]  # noqa: E402 - see above; it ships no types

from projects.git.errors import GitFailed  # noqa: E402 - see above
from projects.git.identity import Identity  # noqa: E402 - see above
from projects.git.repository import CommitInfo, Repository  # noqa: E402 - see above

Git.GIT_PYTHON_GIT_EXECUTABLE = NO_GIT  # type: ignore[assignment]  # typed by its first value, None


class PlumbingObjects(GitCmdObjectDB):
    """An object database whose reads go through `run_git`, with its environment and its configuration."""

    def info(self, binsha: bytes) -> OInfo:
        """Type and size of one object."""
        stream = self.stream(binsha)
        return OInfo(binsha, stream.type, stream.size)

    def stream(self, binsha: bytes) -> OStream:
        """One object. Raises GitFailed `no-such-commit` when it is not there."""
        repository = Repository(Path(self.root_path()).parent)
        answer = repository.run(["cat-file", "--batch"], standard_input=binsha.hex().encode() + b"\n")
        header, _, content = answer.partition(b"\n")
        if header.endswith(b" missing"):
            raise no_such_commit()
        _, kind, size = header.split(b" ")
        return OStream(binsha, kind, int(size), BytesIO(content[: int(size)]))


def read_commit(repository: Repository, sha: str) -> CommitInfo:
    """One commit by its full id. Raises GitFailed `no-such-commit`."""
    with Repo(repository.path, odbt=PlumbingObjects, expand_vars=False) as opened:
        binsha = bytes.fromhex(sha)
        if opened.odb.info(binsha).type != b"commit":
            raise no_such_commit()
        commit = Commit(opened, binsha)
        message = commit.message if isinstance(commit.message, str) else commit.message.decode("utf-8", "replace")
        return CommitInfo(
            sha=commit.hexsha,
            tree=commit.tree.hexsha,
            parents=tuple(parent.hexsha for parent in commit.parents),
            author=Identity(commit.author.name or "", commit.author.email or ""),
            authored_at=_time_of(lambda: commit.authored_datetime),
            committer=Identity(commit.committer.name or "", commit.committer.email or ""),
            committed_at=_time_of(lambda: commit.committed_datetime),
            subject=message.partition("\n")[0],
            message=message,
        )


def _time_of(read: Callable[[], datetime]) -> datetime:
    """A time that no calendar holds is the epoch, as in what git shows."""
    with suppress(OverflowError, ValueError):
        return read()
    return datetime.fromtimestamp(0, UTC)


def no_such_commit() -> GitFailed:
    """The error of an id that names no commit here."""
    return GitFailed("There is no such commit in the repository.", code="no-such-commit")
