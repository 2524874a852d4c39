"""What the history tells of files: the subjects of their newest small commits, and when each changed last.

Looked at are the newest commits by date and id, as many as the limits take: what is added on top of a history that was
read before gives the same as reading all of it.
"""

import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import orjson

from projects.git.repository import Repository, is_object_id

SUBJECTS_OF_A_FILE = 40
SMALL_COMMIT_FILES = 20
"""What a larger commit says is of none of its files in particular."""

COMMITS = 5000
PATHS = 200_000
PATH_BYTES = 16 << 20
PATHS_OF_A_COMMIT = 1000
SUBJECT_CHARACTERS = 200
LISTED_COMMITS = 1_000_000
LATEST = 253_402_300_799
"""The last second of the year 9999: later ones are mistakes."""


@dataclass(frozen=True, slots=True)
class PastCommit:
    """A commit, how many files it changed, and the first of their paths."""

    sha: str
    committed_at: int
    subject: str
    files: int
    paths: tuple[str, ...]

    @property
    def place(self) -> tuple[int, str]:
        """Where it is in the order of commits: the newest is the greatest."""
        return self.committed_at, self.sha


@dataclass(frozen=True, slots=True)
class FileHistory:
    """`subjects` newest first; `changed_at` in seconds since the epoch."""

    subjects: tuple[str, ...]
    changed_at: int


def read_history(repository: Repository, commit: str) -> list[PastCommit]:
    """The newest commits that lead to this one, newest first, from nothing. Raises GitError."""
    return list(_cut(_details(repository, _newest(_dates(repository, [commit])))))


def continue_history(repository: Repository, before: Sequence[PastCommit], old: str, new: str) -> list[PastCommit]:
    """The same for `new`, from what was read for `old`. Raises GitError, as where `old` is not there any more."""
    if next(_dates(repository, [old, f"^{new}"]), None) is not None:
        return read_history(repository, new)  # commits are gone: older ones than were kept may count now
    added = _newest(_dates(repository, [new, f"^{old}"]))
    known = [*_cut(_details(repository, added)), *before]
    return list(_cut(sorted(known, key=lambda each: each.place, reverse=True)))


def histories(commits: Sequence[PastCommit], wanted: Collection[str] | None = None) -> dict[str, FileHistory]:
    """What the commits, newest first, tell of each path that they changed, or of those among them that are wanted."""
    subjects: dict[str, list[str]] = {}
    changed_at: dict[str, int] = {}
    for commit in commits:
        is_small = commit.files <= SMALL_COMMIT_FILES
        for path in commit.paths:
            if wanted is not None and path not in wanted:
                continue
            changed_at.setdefault(path, commit.committed_at)
            kept = subjects.setdefault(path, [])
            if is_small and len(kept) < SUBJECTS_OF_A_FILE:
                kept.append(commit.subject)
    return {path: FileHistory(tuple(subjects[path]), at) for path, at in changed_at.items()}


def pack_commits(commits: Sequence[PastCommit]) -> bytes:
    """Commits as compact bytes."""
    rows = [(each.sha, each.committed_at, each.subject, each.files, each.paths) for each in commits]
    return zlib.compress(orjson.dumps(rows), 3)


def unpack_commits(packed: bytes) -> list[PastCommit]:
    """What was packed."""
    rows = orjson.loads(zlib.decompress(packed))
    return [PastCommit(sha, at, subject, files, tuple(paths)) for sha, at, subject, files, paths in rows]


def _dates(repository: Repository, revisions: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Date and id of the commits that these revisions (ids, `^id`) name, merges left out."""
    if not all(is_object_id(each.removeprefix("^")) for each in revisions):
        raise ValueError("full commit ids are needed")
    arguments = ["rev-list", "--no-merges", "--timestamp", f"--max-count={LISTED_COMMITS}", *revisions, "--"]
    rest = b""
    with closing(repository.stream(arguments)) as pieces:
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                at, _, sha = line.partition(b" ")
                yield min(max(int(at), 0), LATEST), sha.decode("ascii")


def _newest(dates: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted(dates, reverse=True)[:COMMITS]


def _details(repository: Repository, commits: Sequence[tuple[int, str]]) -> Iterator[PastCommit]:
    """Subject and paths of each commit, in this order."""
    if not commits:
        return
    wanted = b"".join(sha.encode("ascii") + b"\n" for _, sha in commits)
    arguments = ["log", "--no-walk=unsorted", "--stdin", "--root", "-z", "--format=%x01%H%x02%s%x02", "--name-only"]
    quiet = ["--no-renames", "--no-show-signature", "--no-ext-diff", "--no-mailmap"]
    times = {sha: at for at, sha in commits}
    with closing(repository.stream([*arguments, *quiet], standard_input=wanted)) as pieces:
        for past in map(_past, _records(pieces)):
            if past.sha in times:
                yield replace(past, committed_at=times.pop(past.sha))


def _records(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What lies between two marks. Of one without end only the beginning is kept."""
    rest = b""
    for piece in pieces:
        *records, rest = (rest + piece).split(b"\x01")
        yield from filter(None, records)
        if len(rest) > 4 << 20:
            rest = rest[: 1 << 20]
    if rest:
        yield rest


def _past(record: bytes) -> PastCommit:
    sha, _, said = record.partition(b"\x02")
    subject, _, names = said.partition(b"\x02")
    paths = [name for name in names.removeprefix(b"\0\n").split(b"\0") if name]
    text = subject.decode("utf-8", "replace").replace("\0", " ")[:SUBJECT_CHARACTERS]
    kept = tuple(path.decode("utf-8", "replace") for path in paths[:PATHS_OF_A_COMMIT])
    return PastCommit(sha.decode("ascii", "replace"), 0, text, len(paths), kept)


def _cut(commits: Iterable[PastCommit]) -> Iterator[PastCommit]:
    """As many of the newest as the limits take; `commits` are in their order."""
    number = paths = path_bytes = 0
    for commit in commits:
        number, paths = number + 1, paths + len(commit.paths)
        path_bytes += sum(map(len, commit.paths))
        if number > COMMITS or paths > PATHS or path_bytes > PATH_BYTES:
            return
        yield commit
