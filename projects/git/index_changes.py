"""Changes of a private index: files added as they are on disk, names forgotten. Git's objections become errors."""

from contextlib import AbstractContextManager
from types import TracebackType

from projects.git.errors import WorkTreeRefused
from projects.git.private_dir import PrivateDir
from projects.git.process import StartedGit

SHOWN_LENGTH = 300
_ADDING = ("update-index", "--add", "--remove", "--replace", "-z", "--stdin")
_PLAIN_TREES = (("core.looseCompression", "0"),)
"""A tree is object ids for the most part: compressed it takes as many blocks of a disk, and more time."""
_NO_OBJECT = b"0" * 40


class IndexChanges(AbstractContextManager["IndexChanges"]):
    """For one look at the work tree, the only writer of the index.

    The git that adds files may be started while others still look what has changed, to read the index meanwhile. It
    holds the index's lock: any other change ends it first.
    """

    def __init__(self, private: PrivateDir) -> None:
        self._private = private
        self._adding: StartedGit | None = None
        self._writing: StartedGit | None = None

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end_adding()
        if self._writing is not None:
            self._writing.end()

    def prepare(self) -> None:
        """Something will be added soon, probably, and the tree written. The index must be there."""
        self._adding = self._private.start(_ADDING)
        self._writing = self._private.start(["write-tree"], config=_PLAIN_TREES, is_held=True)

    def add(self, names: list[bytes]) -> None:
        """Record these files as they are now; one that is gone is forgotten. Raises WorkTreeRefused."""
        if not names:
            return
        adding, self._adding = self._adding or self._private.start(_ADDING), None
        told: list[str] = []
        self._private.finish(adding, listed(names), on_stderr=told.append)
        # Git passes over such names with a remark and success; a tree must not silently lack a file.
        ignored = next((line for line in told if line.startswith("Ignoring path ")), None)
        if ignored is not None:
            raise name_refused(ignored.removeprefix("Ignoring path "))

    def write_tree(self) -> str:
        """The id of the tree that the index holds, written with all that it needs. The last thing that is done."""
        self._end_adding()
        writing = self._writing or self._private.start(["write-tree"], config=_PLAIN_TREES, is_held=True)
        return self._private.finish(writing, b"go\n").decode().strip()

    def forget(self, names: list[bytes]) -> None:
        """Take names out of the index, whatever is on disk."""
        self.enter([b"0 " + _NO_OBJECT + b"\t" + name for name in names])

    def enter(self, entries: list[bytes]) -> None:
        """Write entries as they are given, `MODE ID<tab>NAME` (git-update-index(1), --index-info)."""
        if entries:
            self._end_adding()
            self._private.run(["update-index", "-z", "--index-info"], standard_input=listed(entries))

    def _end_adding(self) -> None:
        if self._adding is not None:
            self._adding.end()
            self._adding = None


def name_refused(name: str) -> WorkTreeRefused:
    """The error of a name that git does not take into an index."""
    return WorkTreeRefused(
        f"The work tree holds a name that Git refuses to record ({name[:SHOWN_LENGTH]}). Rename or remove it.",
        code="unrecordable-path",
    )


def listed(parts: list[bytes]) -> bytes:
    """As git takes a list with `-z`."""
    return b"\0".join([*parts, b""])
