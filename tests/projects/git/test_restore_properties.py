"""Any tree, any edits: a restore gives the tree back exactly, and a comparison applied to one gives the other."""

import os
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projects.git.changes import diff
from projects.git.errors import WorkTreeRefused
from projects.git.remote import fetch
from projects.git.repository import create_repository
from projects.git.restore import apply_plan, plan_restore, unrecorded_in_the_way
from projects.git.trees import Selection, record_exactly, write_exact_tree
from projects.git.work_tree import WorkTree, create_work_tree
from tests.projects.git.sample import ENVIRONMENT, make_origin

pytestmark = pytest.mark.plumbing
FEW = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,  # the suite says the same thing twice; `max_examples` is for whoever looks for more
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAMES = st.sampled_from(
    [b"a", b"b", b"A", b"new\nline", b"-rf", b"\xff\xfe", b" ", b'"q"', b"*", b"x.log", b"caf\xc3\xa9", b"cafe\xcc\x81"]
)
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
TEXTS = st.sampled_from(
    [
        b"",
        b"a\r\nb\r\n",
        b"a\nb\n",
        b"a\nb",
        b"\0\1\2",
        b"$Id$\n",
        "a\N{SNOWMAN}\n".encode("utf-16"),
        b"\xff\n",
        b"x\n" * 99,
    ]
)
ATTRIBUTES = st.sampled_from(
    [
        b"* text=auto\n",
        b"* eol=crlf\n",
        b"* ident\n",
        b"* working-tree-encoding=UTF-16\n",
        b"* filter=x -diff\n",
        b"* binary\n",
    ]
)
TARGETS = st.sampled_from([b"a", b"..", b"/etc/passwd", b"nowhere\n"])


@dataclass(frozen=True)
class Entry:
    """A file (mode and content), a link, or an empty folder."""

    kind: str
    content: bytes = b""
    mode: int = 0o644


ENTRIES = st.one_of(
    st.builds(Entry, st.just("file"), TEXTS, st.sampled_from([0o644, 0o755])),
    st.builds(Entry, st.just("link"), TARGETS),
    st.just(Entry("folder")),
)
EDITS = st.lists(
    st.one_of(
        st.tuples(PATHS, ENTRIES),
        st.tuples(PATHS, st.none()),
        st.tuples(st.just(b".gitattributes"), st.builds(Entry, st.just("file"), ATTRIBUTES)),
        st.tuples(st.just(b".gitignore"), st.builds(Entry, st.just("file"), st.just(b"*.log\n"))),
    ),
    max_size=8,
)


def edit(root: Path, edits: list[tuple[bytes, Entry | None]]) -> None:
    """Puts each entry where it belongs, over whatever is in its way; None removes what is there."""
    for path, entry in edits:
        target = root / os.fsdecode(path)
        _make_way(root, target)
        if entry is None:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == "file":
            target.write_bytes(entry.content)
            target.chmod(entry.mode)
        elif entry.kind == "link":
            target.symlink_to(os.fsdecode(entry.content))
        else:
            target.mkdir()


def _make_way(root: Path, target: Path) -> None:
    for place in (*reversed(target.relative_to(root).parents), target.relative_to(root)):
        if (root / place).is_symlink() or (root / place).is_file():
            (root / place).unlink()
    if target.is_dir():
        shutil.rmtree(target)


def files_of(root: Path) -> dict[bytes, tuple[int, bytes]]:
    """What is there but folders: whether it can be run, and content or target."""
    found = {}
    for path in root.rglob("*"):
        name, mode = os.fsencode(path.relative_to(root)), path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[name] = (0, os.fsencode(path.readlink()))
        elif stat.S_ISREG(mode):
            found[name] = (mode & 0o100, path.read_bytes())
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[WorkTree, Path]:
    """A template of a work tree, copied for each example."""
    folder = tmp_path_factory.mktemp("base")
    origin = make_origin(folder / "origin")
    origin.commit({"README.md": b"hello\r\n", "src/app.py": b"print('hi')\n", "a": b"a\n" * 50})
    repository = create_repository(folder / "repository.git")
    head = fetch(repository, origin.remote, addresses=()).head_commit
    return create_work_tree(repository, folder / "tree", index_dir=folder / "index", base_commit=head), folder


def fresh(base: tuple[WorkTree, Path], folder: Path) -> WorkTree:
    made, _ = base
    shutil.copytree(made.path, folder / "tree", symlinks=True)
    shutil.copytree(made.index_dir, folder / "index")
    return WorkTree(made.repository, folder / "tree", folder / "index")


@FEW
@given(first=EDITS, second=EDITS)
def test_a_restore_gives_the_tree_back_exactly(
    base: tuple[WorkTree, Path], first: list[tuple[bytes, Entry | None]], second: list[tuple[bytes, Entry | None]]
) -> None:
    with tempfile.TemporaryDirectory(dir=base[1]) as name:
        work_tree = fresh(base, Path(name))
        edit(work_tree.path, first)
        wanted, files = write_exact_tree(work_tree), files_of(work_tree.path)
        edit(work_tree.path, second)
        was = files_of(work_tree.path)

        present = write_exact_tree(work_tree)
        try:
            in_the_way = unrecorded_in_the_way(work_tree, plan_restore(work_tree.repository, present, wanted))
        except WorkTreeRefused as refusal:  # a folder with an ignored file in it is where a file was
            assert (refusal.code, files_of(work_tree.path)) == ("restore-blocked", was)  # noqa: PT017
            return
        present = record_exactly(work_tree, Selection(also=in_the_way)).tree
        apply_plan(work_tree, plan_restore(work_tree.repository, present, wanted))

        found = files_of(work_tree.path)
        ignored = {path for path in {*files, *was} if path.endswith(b".log") or b".log/" in path}
        assert {path: found.get(path) for path in files if path not in ignored} == {
            path: files[path] for path in files if path not in ignored
        }
        assert set(found) - ignored == set(files) - ignored
        apply_plan(work_tree, plan_restore(work_tree.repository, wanted, present))
        assert files_of(work_tree.path) == was


@FEW
@given(first=EDITS, second=EDITS)
def test_a_comparison_applied_to_the_one_gives_the_other(
    base: tuple[WorkTree, Path], first: list[tuple[bytes, Entry | None]], second: list[tuple[bytes, Entry | None]]
) -> None:
    with tempfile.TemporaryDirectory(dir=base[1]) as name:
        work_tree = fresh(base, Path(name))
        edit(work_tree.path, first)
        one = write_exact_tree(work_tree)
        edit(work_tree.path, second)
        other = write_exact_tree(work_tree)
        assert applied(work_tree, one, diff(work_tree.repository, one, other), Path(name)) == other


def applied(work_tree: WorkTree, tree: str, patch: bytes, folder: Path) -> str:
    """The tree that a person's own git makes of a tree and a patch."""
    repository = work_tree.repository
    environment = ENVIRONMENT | {
        "GIT_DIR": str(repository.path),
        "GIT_INDEX_FILE": str(folder / "applied"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repository.private_objects),
    }
    steps: list[tuple[list[str], bytes]] = [(["read-tree", tree], b"")]
    steps += [(["apply", "--binary", "--cached", "--whitespace=nowarn"], patch)] if patch else []
    for arguments, given_input in steps:
        subprocess.run(["git", *arguments], env=environment, input=given_input, capture_output=True, check=True)
    done = subprocess.run(["git", "write-tree"], env=environment, capture_output=True, check=True)
    return done.stdout.decode().strip()
