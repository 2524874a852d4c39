"""What a push would bring to the remote that is not there yet: its commits, and the lines that they add."""

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass

from projects.git.blob_files import BatchAnswer
from projects.git.changes import display_path
from projects.git.errors import GitFailed
from projects.git.objects import read_commit
from projects.git.repository import REMOTE_REFS, CommitInfo, Repository

SHOWN_COMMITS = 100


@dataclass(frozen=True)
class Outgoing:
    """`commits` are the newest SHOWN_COMMITS of all `ahead`; `behind` counts what the other side has beyond them.

    `compared_with` is the commit that the counts and `base` (what both sides have in common) refer to; where the
    remote's is not known here, `behind` is None.
    """

    commits: tuple[CommitInfo, ...]
    ahead: int
    behind: int | None
    base: str | None
    is_moved: bool


def find_outgoing(repository: Repository, commit: str, *, remote_commit: str | None, default_branch: str) -> Outgoing:
    """Compared with the remote's branch, at `remote_commit`; where that is None with its default branch as fetched."""
    known = repository.resolve(remote_commit) if remote_commit else repository.resolve(REMOTE_REFS + default_branch)
    ids = repository.run(["rev-list", *beyond_the_remote(repository, commit, remote_commit)]).decode().split()
    commits = tuple(read_commit(repository, each) for each in ids[:SHOWN_COMMITS])
    if known is None:
        return Outgoing(commits, len(ids), None, None, is_moved=remote_commit is not None)
    counts = repository.run(["rev-list", "--left-right", "--count", f"{known}...{commit}", "--"]).decode().split()
    behind, ahead = map(int, counts)
    return Outgoing(commits, ahead, behind, _common(repository, known, commit), bool(remote_commit and behind))


def outgoing_contents(
    repository: Repository, commit: str, *, remote_commit: str | None
) -> Generator[tuple[str, Iterator[bytes]], None, None]:
    """Every object that a push would bring, with its path and content in pieces, each to be taken whole.

    Commits and the topmost folders have an empty path; the content of a folder is the names in it.
    """
    listed = repository.run(["rev-list", "--objects", *beyond_the_remote(repository, commit, remote_commit)])
    objects = [line.partition(b" ") for line in listed.split(b"\n") if line]
    wanted = b"".join(object_id + b"\n" for object_id, _, _ in objects)
    with closing(repository.stream(["cat-file", "--batch", "--buffer"], standard_input=wanted)) as pieces:
        answer = BatchAnswer(pieces)
        for object_id, _, path in objects:
            shown = display_path(path.decode("utf-8", "surrogateescape"))
            yield shown, answer.content_of(object_id, b"blob", b"tree", b"commit", b"tag")


def beyond_the_remote(repository: Repository, commit: str, remote_commit: str | None) -> list[str]:
    """Revision arguments: the commits that no branch of the remote had when it was last looked at."""
    known = [f"^{remote_commit}"] if remote_commit and repository.resolve(remote_commit) else []
    return [commit, *known, "--not", f"--glob={REMOTE_REFS}*", "--"]


def _common(repository: Repository, one: str, other: str) -> str | None:
    try:
        return repository.run(["merge-base", one, other]).decode().strip()
    except GitFailed as error:
        if error.exit_status == 1:
            return None
        raise
