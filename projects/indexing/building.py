"""Makes the index of a commit: from nothing, or from that of another commit by what differs; row for row the same.

What is global (links, PageRank, history) is worked out anew each time from what the files' rows say.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from projects.git.errors import GitError
from projects.git.repository import Repository
from projects.indexing.contents import read_contents
from projects.indexing.history import FileHistory, PastCommit, continue_history, histories, read_history
from projects.indexing.index_file import FORMAT, continued, created, open_to_read
from projects.indexing.linking import find_links, find_ranks, tells_of_modules
from projects.indexing.listing import IndexLimits, Listing, TreeEntry, list_tree
from projects.indexing.shapes import FileAnalysis
from projects.indexing.skipping import content_reason
from projects.indexing.writing import IndexWriter, KeptFile

Analysed = tuple[TreeEntry, bytes, FileAnalysis | str]
"""A file with its content, and what is known of it, or why it is left out."""

_NO_HISTORY = FileHistory((), 0)


class Analyses(Protocol):
    """Where analyses come from: a cache, and processes that parse."""

    @property
    def version(self) -> str:
        """Changes whenever the same bytes may give another analysis."""
        ...

    def of(self, files: Iterator[tuple[TreeEntry, bytes]]) -> Iterator[Analysed]:
        """Each file with its analysis, in whatever order; contents pass by, only a few are held."""
        ...


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """What an index came to."""

    files: int
    chunks: int
    skipped: int
    is_incremental: bool


Progress = Callable[[str, int], None]
"""Told the phase and how much of it is done, in percent; may raise what stops the building."""


def build_index(
    repository: Repository,
    commit: str,
    target: Path,
    *,
    analyses: Analyses,
    old: Path | None = None,
    limits: IndexLimits = IndexLimits(),  # noqa: B008 - frozen
    progress: Progress = lambda phase, percent: None,
) -> BuiltIndex:
    """Writes `target`, with `old` from what that one has; whatever is raised, nothing is left of it then.

    Raises GitError, OSError or sqlite3.Error (a full disk), and what `progress` raises.
    """
    if old is not None and _fits(old, analyses.version):
        try:
            return _build(continued(old, target), repository, commit, analyses, limits, progress)
        except (_OldIsGone, sqlite3.DatabaseError):
            pass  # what it was made of is not in the repository any more, or it is damaged: from nothing then
    return _build(created(target), repository, commit, analyses, limits, progress)


class _OldIsGone(Exception):
    """What the old index was made of is not in the repository any more."""


def _fits(old: Path, version: str) -> bool:
    """Whether another index can be built upon: it is there, and the same bytes gave the same rows."""
    try:
        with closing(open_to_read(old)) as connection:
            found = dict(connection.execute("SELECT key, value FROM meta"))
            connection.execute("SELECT 1 FROM identifiers LIMIT 1")  # older ones are read, but lack this
    except (OSError, sqlite3.Error):
        return False
    return found.get("format") == FORMAT and found.get("extractor_version") == version


def _build(
    opened: AbstractContextManager[sqlite3.Connection],
    repository: Repository,
    commit: str,
    analyses: Analyses,
    limits: IndexLimits,
    progress: Progress,
) -> BuiltIndex:
    progress("listing", 0)
    with opened as connection:
        building = _Building(connection, repository, commit, analyses, progress)
        building.take_files(list_tree(repository, commit, limits, building.blobs_before))
        building.take_history()
        building.take_graph()
        return building.finish()


class _Building:
    """One index under construction."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        repository: Repository,
        commit: str,
        analyses: Analyses,
        progress: Progress,
    ) -> None:
        self._connection, self._repository, self._commit = connection, repository, commit
        self._analyses, self._progress = analyses, progress
        self._writer = IndexWriter(connection)
        meta = dict(connection.execute("SELECT key, value FROM meta"))
        self._old_commit: str | None = meta.get("commit")
        self._old_cut = meta.get("cut_at")
        self._before = self._writer.files()
        self._old_commits = self._writer.commits()
        self._new: set[str] = set()

    @property
    def blobs_before(self) -> dict[str, str]:
        """The files of the index that this one follows, with their blobs."""
        return {path: file.blob for path, file in self._before.items()}

    def take_files(self, listing: Listing) -> None:
        """Removes what is gone or changed, adds what is new, notes what is left out."""
        left_out = self._writer.skipped()
        entries = {entry.path: entry for entry in listing.taken}
        gone = {path: file for path, file in self._before.items() if not _is_same(entries.get(path), file)}
        self._remove(gone)
        kept = self._before.keys() - gone.keys()
        known = {path for path, (blob, mode) in left_out.items() if _was_skipped(entries.get(path), blob, mode)}
        self._writer.unskip(left_out.keys() - known)
        for entry, reason in listing.left_out:
            self._writer.skip(entry, reason)
        self._writer.set_unlisted(listing.rest)
        self._add([entry for entry in listing.taken if entry.path not in kept and entry.path not in known])

    def take_history(self) -> None:
        """The commits that lead here; every file's subjects and last change."""
        self._progress("history", 0)
        commits = self._read_history()
        if commits != self._old_commits or self._old_commit is None:
            self._writer.set_commits(commits)
        files = self._writer.files()
        touched = self._new | {path for each in {*commits} ^ {*self._old_commits} for path in each.paths}
        before, after = histories(self._old_commits, touched), histories(commits, touched)
        times = []
        for path in touched & files.keys():
            file = files[path]
            had = _NO_HISTORY if path in self._new else before.get(path, _NO_HISTORY)
            has = after.get(path, _NO_HISTORY)
            if had.subjects != has.subjects:
                self._writer.set_history(file.number, had.subjects, has.subjects)
            if had.changed_at != has.changed_at:
                times.append((file.number, has.changed_at or None))
        self._writer.set_changed_at(times)

    def take_graph(self) -> None:
        """Who imports whom, and what that and the identifiers say of each file's weight."""
        self._progress("ranking", 0)
        changed = self._changed_alone()
        links = find_links(
            self._connection, self._repository, changed, tell=lambda percent: self._progress("ranking", percent)
        )
        self._writer.set_links(links, changed)
        self._writer.set_ranks(find_ranks(self._connection))

    def finish(self) -> BuiltIndex:
        """Notes what the index is of."""
        self._progress("writing", 0)
        if self._old_commit is None:
            self._writer.pack()
        counts = {
            table: int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - constants
            for table in ("files", "chunks", "skipped")
        }
        self._writer.set_meta(
            format=FORMAT,
            commit=self._commit,
            extractor_version=self._analyses.version,
            cut_at=_cut_at(self._repository),
            **counts,
        )
        return BuiltIndex(**counts, is_incremental=self._old_commit is not None)

    def _remove(self, gone: Mapping[str, KeptFile]) -> None:
        """The texts that are taken out of the search are made anew from the blobs."""
        contents = read_contents(self._repository, [file.blob for file in gone.values()])
        before = histories(self._old_commits, gone.keys())
        try:
            for (path, file), content in zip(gone.items(), contents, strict=True):
                self._writer.set_history(file.number, before.get(path, _NO_HISTORY).subjects, ())
                self._writer.remove(path, file, content)
        except GitError as error:
            raise _OldIsGone from error

    def _add(self, entries: Sequence[TreeEntry]) -> None:
        total = sum(entry.size_bytes for entry in entries) or 1
        done = 0
        with closing(read_contents(self._repository, [entry.blob for entry in entries])) as contents:
            for entry, content, analysis in self._analyses.of(self._wanted(entries, contents)):
                done += entry.size_bytes
                self._progress("parsing", 100 * done // total)
                if isinstance(analysis, str):
                    self._writer.skip(entry, analysis)
                    continue
                former = self._before.get(entry.path)
                self._writer.add(entry, content, analysis, former.number if former else None)
                self._new.add(entry.path)

    def _wanted(self, entries: Iterable[TreeEntry], contents: Iterable[bytes]) -> Iterator[tuple[TreeEntry, bytes]]:
        """Those whose content is text that people write."""
        for entry, content in zip(entries, contents, strict=True):
            reason = content_reason(content)
            if reason is None:
                yield entry, content
            else:
                self._writer.skip(entry, reason)

    def _changed_alone(self) -> set[int] | None:
        """The files whose links may have changed; None where those of all may, as paths tell whom an import means."""
        files = self._writer.files()
        if files.keys() != self._before.keys() or any(tells_of_modules(path) for path in self._new):
            return None
        return {files[path].number for path in self._new}

    def _read_history(self) -> list[PastCommit]:
        if self._old_commit is None or self._old_cut != _cut_at(self._repository):
            return read_history(self._repository, self._commit)
        try:
            return continue_history(self._repository, self._old_commits, self._old_commit, self._commit)
        except GitError as error:
            raise _OldIsGone from error


def _is_same(entry: TreeEntry | None, file: KeptFile) -> bool:
    return entry is not None and entry.blob == file.blob


def _was_skipped(entry: TreeEntry | None, blob: str, mode: int) -> bool:
    return entry is not None and (entry.blob, entry.mode) == (blob, mode)


def _cut_at(repository: Repository) -> str:
    """Where a shallow history ends: another cut makes another history of the same commits."""
    try:
        return (repository.path / "shallow").read_text()
    except FileNotFoundError:
        return ""
