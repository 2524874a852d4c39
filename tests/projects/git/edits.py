"""Any edits of a work tree, and what a person's git makes of a diff of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from projects.git.remote import fetch
from projects.git.repository import Repository, create_repository
from projects.git.work_tree import WorkTree, create_work_tree
from tests.projects.git.sample import make_origin


def applied(repository: Repository, base: str, patch: bytes) -> str:
    """The tree that a person's `git apply` makes of the base and the diff."""
    with TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": f"{folder}/index", "GIT_LITERAL_PATHSPECS": "0"}
        repository.run(["read-tree", base], environment=index)
        if patch:
            repository.run(["apply", "--binary", "--cached"], environment=index, standard_input=patch)
        return repository.run(["write-tree"], environment=index).decode().strip()


@contextmanager
def fresh_work_tree(files: dict[str, bytes]) -> Iterator[WorkTree]:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        origin = make_origin(root / "origin")
        origin.commit(files)
        repository = create_repository(root / "r.git")
        head = fetch(repository, origin.remote, addresses=()).head_commit
        yield create_work_tree(repository, root / "work", index_dir=root / "index", base_commit=head)


BASE = {
    "a": b"one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n",
    "b": b"no newline at the end",
    "d/e": b"\0binary\xff",
    "d/f g": b"",
    "d/h": b"crlf\r\n\r\n",
}
NAMES = st.sampled_from(["a", "b", "d", "d/e", "d/f g", "d/h", "x", "x/y", "é\n", "-z", "d/\udcff", 'q"t'])
CONTENT = st.one_of(
    st.sampled_from([*BASE.values(), BASE["a"].replace(b"five", b"5"), b"\n", b"\r\n", b"a\rb", b"-- \n+++ x\n@@\n"]),
    st.binary(max_size=40),
)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, CONTENT),
        st.tuples(st.just("remove"), NAMES, st.none()),
        st.tuples(st.just("rename"), NAMES, NAMES),
        st.tuples(st.just("mode"), NAMES, st.none()),
        st.tuples(st.just("link"), NAMES, NAMES),
    ),
    max_size=8,
)


def edit(root: Path, kind: str, name: str, value: bytes | str | None) -> None:
    """One edit, as far as it is possible there."""
    target = root / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind == "write" and isinstance(value, bytes) and not target.is_symlink():
            target.write_bytes(value)
        elif kind == "remove":
            target.unlink()
        elif kind == "rename" and isinstance(value, str):
            (root / value).parent.mkdir(parents=True, exist_ok=True)
            target.rename(root / value)
        elif kind == "mode" and not target.is_symlink():
            target.chmod(target.stat().st_mode ^ 0o111)
        elif kind == "link" and isinstance(value, str):
            target.unlink(missing_ok=True)
            target.symlink_to(value)
    except OSError:
        pass
