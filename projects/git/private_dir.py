"""Minimal git dirs of the server's own, one for each way of reading a work tree; no config of anyone else counts."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from projects.git.errors import WorkTreeRefused
from projects.git.process import StartedGit, run_git
from projects.git.repository import Repository

REVIEW_ATTRIBUTES = b"* -filter -ident -working-tree-encoding\n"
"""The repository's text attributes, and no filter."""

EXACT_ATTRIBUTES = b"* -text -ident -filter -working-tree-encoding -eol\n"
"""Every byte as it is."""

_OPENED_BY_GIT = frozenset({".gitattributes", ".gitignore", "HEAD", "commondir"})
"""The latter two in what looks like a repository inside."""

SPLIT_INDEX = (("core.splitIndex", "true"), ("splitIndex.sharedIndexExpire", "1.hour.ago"))
"""Git writes what has changed since, not all entries again; not at once does it remove the rest of earlier ones, which
the index still names until the new one is in its place."""

_CONFIG = b"""[core]
\trepositoryformatversion = 0
\tbare = false
\tfileMode = true
\tsymlinks = true
\tignoreCase = false
"""


@dataclass(frozen=True)
class PrivateDir:
    """A git dir with an index and `info/attributes`, over the objects of a repository; new ones are private."""

    git_dir: Path
    repository: Repository
    work_tree: Path
    index_name: str = "index"
    config: tuple[tuple[str, str], ...] = ()

    @property
    def index(self) -> Path:
        """Kept between two looks at the work tree: it knows which files have not changed."""
        return self.git_dir / self.index_name

    @property
    def must_convert_again(self) -> Path:
        """A mark: attributes changed, and not all that they apply to was converted by them yet."""
        return self.git_dir / "must-convert-again"

    @property
    def has_additions(self) -> Path:
        """A mark: the index may hold names that the base commit lacks."""
        return self.git_dir / "has-additions"

    @property
    def attributes(self) -> Path:
        """Git's attributes of highest precedence (gitattributes(5))."""
        return self.git_dir / "info" / "attributes"

    def run(
        self,
        args: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        standard_input: bytes | None = None,
        timeout_seconds: float = 600,
        on_stderr: Callable[[str], None] | None = None,
    ) -> bytes:
        """Run git with this index over the work tree. Errors as of `run_git`."""
        return run_git(
            args,
            git_dir=self.git_dir,
            work_tree=self.work_tree,
            environment=self._variables | dict(environment or {}),
            config=self.config,
            standard_input=standard_input,
            timeout_seconds=timeout_seconds,
            on_stderr=on_stderr,
            when_slow=partial(refuse_pipes, self.work_tree),
        )

    def start(
        self, args: Sequence[str], *, config: Sequence[tuple[str, str]] = (), is_held: bool = False
    ) -> StartedGit:
        """The same, but it waits for its standard input; a held one reads nothing before either. The caller ends it."""
        return StartedGit(
            args,
            git_dir=self.git_dir,
            work_tree=self.work_tree,
            environment=self._variables,
            config=(*self.config, *config),
            is_held=is_held,
        )

    def finish(
        self, started: StartedGit, standard_input: bytes, *, on_stderr: Callable[[str], None] | None = None
    ) -> bytes:
        """What a started one says to its input. Errors as of `run_git`."""
        return started.finish(standard_input, on_stderr=on_stderr, when_slow=partial(refuse_pipes, self.work_tree))

    @property
    def _variables(self) -> dict[str, str]:
        return self.repository.writes_private | {"GIT_INDEX_FILE": os.fspath(self.index)}


def refuse_pipes(work_tree: Path) -> None:
    """Raises WorkTreeRefused `special-file` where a pipe has a name that git opens by itself, to wait for good.

    The files are many and such pipes are never there: so this is asked only when git takes long.
    """
    folders = [os.fspath(work_tree)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif _leads_to_pipe(Path(entry.path)):
                    shown = os.path.relpath(entry.path, work_tree)
                    raise WorkTreeRefused(
                        f"{shown} in the work tree is, or leads to, a named pipe instead of a file. Remove it.",
                        code="special-file",
                    )


def _leads_to_pipe(path: Path) -> bool:
    if path.name in _OPENED_BY_GIT:
        return path.is_fifo()
    if path.name != ".git":
        return False
    # A link or a file that names a repository elsewhere (gitrepository-layout(5)): git looks there what it is.
    place = path if path.is_dir() else path.parent / _place_named_in(path)
    return any((place / name).is_fifo() for name in _OPENED_BY_GIT)


def _place_named_in(git_file: Path) -> str:
    if not git_file.is_file():
        return ""
    with git_file.open("rb") as file:
        return os.fsdecode(file.read(1 << 13).removeprefix(b"gitdir:").strip().replace(b"\0", b""))


def write_git_dir(git_dir: Path, attributes: bytes, *, head: str = "refs/heads/none", extra_config: str = "") -> None:
    """Write a git dir by hand (gitrepository-layout(5)): no template, no hooks, the configuration given here."""
    for folder in (git_dir, git_dir / "refs", git_dir / "objects", git_dir / "info"):
        folder.mkdir(exist_ok=True)
    (git_dir / "config").write_bytes(_CONFIG + extra_config.encode())
    (git_dir / "info" / "attributes").write_bytes(attributes)
    (git_dir / "info" / "exclude").write_bytes(b"")
    (git_dir / "HEAD").write_text(f"ref: {head}\n")


def submodules(private: PrivateDir, among: Sequence[bytes] = ()) -> set[bytes]:
    """The names in the index that are submodules, of those given or of all."""
    names = [os.fsdecode(name) for name in among]
    entries = private.run(["ls-files", "--stage", "-z", "--", *names]).split(b"\0")
    return {entry.partition(b"\t")[2] for entry in entries if entry.startswith(b"160000 ")}


def pin_submodules(private: PrivateDir) -> None:
    """Git then never looks into a submodule's folder: its entry stays as the base commit has it."""
    names = sorted(submodules(private))
    if names:
        private.run(["update-index", "--skip-worktree", "-z", "--stdin"], standard_input=b"\0".join([*names, b""]))
