"""Analyses of contents: from the database where any project has had the same one, else from processes that parse."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from projects.index_models import BlobAnalysis
from projects.indexing.building import Analysed
from projects.indexing.languages import path_kind
from projects.indexing.listing import TreeEntry
from projects.indexing.packed import unpack
from projects.indexing.parser_pool import Parsed, Parsers
from projects.indexing.parsing import EXTRACTOR_VERSION

FILES_AT_ONCE, BYTES_AT_ONCE = 4000, 16 << 20
ASKED_AT_ONCE = 400
WRITTEN_AT_ONCE = 100
NOTED_AFTER = timedelta(days=7)
"""So long a use is not written down again."""

Files = Sequence[tuple[TreeEntry, bytes]]
Key = tuple[str, str]


@contextmanager
def analyses_of(*, is_fresh: bool) -> Iterator["CachedAnalyses"]:
    """Analyses for one index; `is_fresh`: all of them are made anew, and replace what is kept."""
    with Parsers() as parsers:
        yield CachedAnalyses(parsers, is_fresh=is_fresh)


class CachedAnalyses:
    """What is known of contents, kept by their blob and the kind of their name."""

    version = str(EXTRACTOR_VERSION)

    def __init__(self, parsers: Parsers, *, is_fresh: bool) -> None:
        self._parsers, self._is_fresh = parsers, is_fresh

    def of(self, files: Iterator[tuple[TreeEntry, bytes]]) -> Iterator[Analysed]:
        """Each file with its analysis, or with why it has none."""
        for batch in _batches(files):
            known = {} if self._is_fresh else _find(batch)
            unknown = {}
            for entry, content in batch:
                packed = known.get(_key(entry))
                if packed is None:
                    unknown[entry.path] = (entry, content)
                else:
                    yield entry, content, unpack(packed)
            yield from self._parse(unknown)

    def _parse(self, files: dict[str, tuple[TreeEntry, bytes]]) -> Iterator[Analysed]:
        made: dict[Key, bytes] = {}
        wanted = ((path, path, content) for path, (_, content) in files.items())
        for result in self._parsers.analyse(wanted):
            entry, content = files[result.key]
            if isinstance(result, Parsed):
                made[_key(entry)] = result.packed
                yield entry, content, result.analysis()
            else:
                yield entry, content, result.reason
            if len(made) >= WRITTEN_AT_ONCE:
                _keep(made)
                made = {}
        _keep(made)


def _batches(files: Iterator[tuple[TreeEntry, bytes]]) -> Iterator[Files]:
    batch: list[tuple[TreeEntry, bytes]] = []
    size = 0
    for entry, content in files:
        batch.append((entry, content))
        size += len(content)
        if len(batch) >= FILES_AT_ONCE or size >= BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _key(entry: TreeEntry) -> Key:
    return entry.blob, path_kind(entry.path)


def _find(files: Files) -> dict[Key, bytes]:
    """The packed analyses that are kept, and that they were of use."""
    found: dict[Key, bytes] = {}
    today = timezone.localdate()
    for start in range(0, len(files), ASKED_AT_ONCE):
        blobs = {entry.blob for entry, _ in files[start : start + ASKED_AT_ONCE]}
        rows = BlobAnalysis.objects.filter(blob__in=blobs, extractor_version=CachedAnalyses.version)
        seen_long_ago = []
        for pk, blob, kind, packed, used_on in rows.values_list("pk", "blob", "path_kind", "packed", "used_on"):
            found[blob, kind] = bytes(packed)
            if used_on < today - NOTED_AFTER:
                seen_long_ago.append(pk)
        BlobAnalysis.objects.filter(pk__in=seen_long_ago).update(used_on=today)
    return found


def _keep(made: dict[Key, bytes]) -> None:
    version = CachedAnalyses.version
    rows = (
        BlobAnalysis(blob=blob, path_kind=kind, extractor_version=version, packed=packed)
        for (blob, kind), packed in made.items()
    )
    key, changed = ["blob", "path_kind", "extractor_version"], ["packed", "used_on"]
    BlobAnalysis.objects.bulk_create(rows, update_conflicts=True, unique_fields=key, update_fields=changed)
