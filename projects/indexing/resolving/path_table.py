"""The paths of one commit, arranged so that a file is found by its end, by its folder, or near another."""

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

MAX_CANDIDATES = 200
"""Of files of one name that are looked at for an import."""
MAX_TARGETS = 5
"""Of files that one import of a whole folder links to."""

MAX_DEPTH = 20
"""Of folders above a file that are tried."""

Read = Callable[[str], bytes | None]
"""The content of a path of the commit; None where it is not to be read."""


class PathTable:
    """Built once for a commit. All answers are the same for the same set of paths."""

    def __init__(self, paths: Iterable[str], read: Read = lambda path: None) -> None:
        self.paths = frozenset(paths)
        self.read = read
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_folder: dict[str, list[str]] = defaultdict(list)
        self._folders: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self.paths):
            folder, _, name = path.rpartition("/")
            self._by_name[name.lower()].append(path)
            self._by_folder[folder].append(path)
        for folder in self._by_folder:
            self._folders[folder.rpartition("/")[2]].append(folder)

    def named(self, name: str) -> Sequence[str]:
        """The paths whose last part is this name, in any case; of very many the first."""
        return self._by_name.get(name.lower(), [])[:MAX_CANDIDATES]

    def in_folder(self, folder: str, suffix: str) -> list[str]:
        """The files directly in a folder whose names end so."""
        return [path for path in self._by_folder.get(folder, ()) if path.endswith(suffix)]

    def folders_ending(self, end: str) -> list[str]:
        """The folders with files whose paths end with these parts."""
        named = self._folders.get(end.rpartition("/")[2], [])[:MAX_CANDIDATES]
        return [folder for folder in named if f"/{folder}".endswith(f"/{end}")]

    def first(self, candidates: Iterable[str | None]) -> str | None:
        """The first of them that is a file."""
        return next((path for path in candidates if path is not None and path in self.paths), None)

    def ending(self, end: str, near: str) -> str | None:
        """The file whose path ends with these parts, in any case; of several the one nearest to another file."""
        wanted = f"/{end}".lower()
        found = [path for path in self.named(end.rpartition("/")[2]) if f"/{path}".lower().endswith(wanted)]
        return nearest(found, near)


def nearest(candidates: Sequence[str], near: str) -> str | None:
    """The one that shares most folders with `near`, then the one of the fewest parts, then by the alphabet."""

    def rank(path: str) -> tuple[int, int, str]:
        shared = posixpath.commonpath(["/" + posixpath.dirname(path), "/" + posixpath.dirname(near)])
        return (-shared.count("/") if shared != "/" else 0, path.count("/"), path)

    return min(candidates[:MAX_CANDIDATES], key=rank, default=None)


def joined(folder: str, relative: str) -> str | None:
    """A relative path from a folder, tidied; None where it leaves the repository."""
    path = posixpath.normpath(posixpath.join(folder, relative))
    return None if path.startswith(("..", "/")) else path


def ancestors(folder: str) -> Iterator[str]:
    """The folder and those above it, the nearest first, the repository's top at last."""
    for _ in range(MAX_DEPTH):
        yield folder
        if not folder:
            return
        folder = folder.rpartition("/")[0]
