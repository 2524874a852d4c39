"""Indexes of commits: what is in them, and that one which follows another equals one from nothing."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from projects.indexing.building import build_index
from projects.indexing.listing import IndexLimits
from projects.indexing.reading import IndexReader, IndexUnreadable
from projects.indexing.shapes import FileLink, SkippedFile
from tests.projects.git.sample import Origin, make_origin
from tests.projects.indexing.indexes import InProcess, logical_rows, repository_of

pytestmark = pytest.mark.plumbing
CODE = {
    "app/users.py": (
        b'"""People who sign in."""\n\n\nclass UserStore:\n    def find_user(self, name):\n        return name\n'
    ),
    "app/login.py": b"from app.users import UserStore\n\n\ndef log_in(name):\n    return UserStore().find_user(name)\n",
    "README.md": b"# Sample\n\nHow people log in.\n",
}


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return make_origin(tmp_path / "origin")


def build(origin: Origin, commit: str, target: Path, **options: object) -> Path:
    build_index(repository_of(origin), commit, target, analyses=InProcess(), **options)  # type: ignore[arg-type]
    return target


def test_an_index_tells_files_with_what_is_known_of_them(origin: Origin, tmp_path: Path) -> None:
    commit = origin.commit(CODE)
    with IndexReader(build(origin, commit, tmp_path / "a.sqlite")) as index:
        files = {file.path: file for file in index.files()}
        symbols = index.symbols(["app/users.py"])["app/users.py"]
    users = files["app/users.py"]
    assert (index.commit, sorted(files)) == (commit, ["README.md", "app/login.py", "app/users.py"])
    assert (users.language, users.kind, users.lines, users.purpose) == ("python", "source", 6, "People who sign in")
    assert [(symbol.name, symbol.parent) for symbol in symbols] == [("UserStore", None), ("find_user", "UserStore")]
    assert users.last_changed_at is not None


def test_files_are_read_in_pages_by_path(origin: Origin, tmp_path: Path) -> None:
    build(origin, origin.commit(CODE), tmp_path / "a.sqlite")
    with IndexReader(tmp_path / "a.sqlite") as index:
        first = index.files(limit=2)
        rest = index.files(after=first[-1].path, limit=2)
    assert [file.path for file in [*first, *rest]] == sorted(CODE)


def test_page_ranks_sum_to_one_and_favour_what_others_use(origin: Origin, tmp_path: Path) -> None:
    build(origin, origin.commit(CODE), tmp_path / "a.sqlite")
    with IndexReader(tmp_path / "a.sqlite") as index:
        ranks = {file.path: file.page_rank for file in index.files()}
    assert sum(ranks.values()) == pytest.approx(1)
    assert max(ranks, key=ranks.__getitem__) == "app/users.py"


def test_who_imports_a_file_is_known(origin: Origin, tmp_path: Path) -> None:
    build(origin, origin.commit(CODE), tmp_path / "a.sqlite")
    with IndexReader(tmp_path / "a.sqlite") as index:
        assert index.links() == [FileLink("app/login.py", "app/users.py")]
        assert index.links(path_characters=10) == []
        assert index.used_by(["app/users.py", "README.md"]) == {"app/users.py": ["app/login.py"], "README.md": []}
        assert index.used_by(["app/users.py"], limit=0) == {"app/users.py": []}


def test_the_module_of_a_repository_is_followed(origin: Origin, tmp_path: Path) -> None:
    module = {"go.mod": b"module example.org/shop\n", "cart/cart.go": b"package cart\n\nfunc Add() {}\n"}
    main = b'package main\n\nimport "example.org/shop/cart"\n\nfunc main() { cart.Add() }\n'
    build(origin, origin.commit({**module, "main.go": main}), tmp_path / "a.sqlite")
    with IndexReader(tmp_path / "a.sqlite") as index:
        assert FileLink("main.go", "cart/cart.go") in index.links()


def test_imports_are_followed_anew_where_the_module_is_named_anew(origin: Origin, tmp_path: Path) -> None:
    main = b'package main\n\nimport "example.org/shop/cart"\n\nfunc main() { cart.Add() }\n'
    files = {"go.mod": b"module example.org/other\n", "cart/cart.go": b"package cart\n\nfunc Add() {}\n"}
    old = build(origin, origin.commit({**files, "main.go": main}), tmp_path / "a.sqlite")
    build(origin, origin.commit({"go.mod": b"module example.org/shop\n"}), tmp_path / "b.sqlite", old=old)
    with IndexReader(tmp_path / "a.sqlite") as former, IndexReader(tmp_path / "b.sqlite") as index:
        assert (former.links(), index.links()) == ([], [FileLink("main.go", "cart/cart.go")])


def test_what_is_left_out_is_told_with_its_reason(origin: Origin, tmp_path: Path) -> None:
    (origin.path / "loop").symlink_to("loop")
    left_out = {"fake.py": b"\0\1\2", "yarn.lock": b"a\n", "long.js": b"x" * 6000, "node_modules/a.js": b"1\n"}
    commit = origin.commit({**CODE, **left_out})
    with IndexReader(build(origin, commit, tmp_path / "a.sqlite")) as index:
        skipped = index.skipped()
    assert [each.path for each in skipped] == ["fake.py", "long.js", "loop", "node_modules/a.js", "yarn.lock"]
    assert SkippedFile("fake.py", "binary") in skipped
    assert SkippedFile("loop", "symbolic link") in skipped


def test_a_submodule_is_left_out(origin: Origin, tmp_path: Path) -> None:
    first = origin.commit(CODE)
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{first},sub")
    origin.git("commit", "-q", "-m", "sub")
    with IndexReader(build(origin, origin.git("rev-parse", "HEAD"), tmp_path / "a.sqlite")) as index:
        assert index.skipped() == [SkippedFile("sub", "submodule")]


def test_a_name_that_is_no_text_is_left_out(origin: Origin, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(origin.path) + b"/caf\xe9.py")).write_text("x = 1\n")
    with IndexReader(build(origin, origin.commit(CODE), tmp_path / "a.sqlite")) as index:
        assert index.skipped() == [SkippedFile("caf\ufffd.py", "its name is no UTF-8")]


def test_a_commit_without_files_gives_an_index_without_files(origin: Origin, tmp_path: Path) -> None:
    with IndexReader(build(origin, origin.commit({}), tmp_path / "a.sqlite")) as index:
        assert (index.files(), index.search("anything"), index.count("files")) == ([], [], 0)


def test_more_files_than_the_limit_are_told(origin: Origin, tmp_path: Path) -> None:
    build(origin, origin.commit(CODE), tmp_path / "a.sqlite", limits=IndexLimits(files=1))
    with IndexReader(tmp_path / "a.sqlite") as index:
        assert ([file.path for file in index.files()], len(index.skipped())) == (["README.md"], 2)


def test_more_source_than_the_limit_is_told(origin: Origin, tmp_path: Path) -> None:
    build(origin, origin.commit(CODE), tmp_path / "a.sqlite", limits=IndexLimits(total_bytes=10))
    with IndexReader(tmp_path / "a.sqlite") as index:
        assert {each.reason for each in index.skipped()} == {"more source than one index takes"}


def test_more_that_is_left_out_than_is_listed_is_told_in_one_row(origin: Origin, tmp_path: Path) -> None:
    commit = origin.commit({**CODE, **{f"{number}.png": b"x" for number in range(5)}})
    build(origin, commit, tmp_path / "a.sqlite", limits=IndexLimits(left_out=2))
    with IndexReader(tmp_path / "a.sqlite") as index:
        assert (index.count("files"), [each.path for each in index.skipped()]) == (3, ["", "0.png", "1.png"])


def test_only_what_changed_is_analysed_again(origin: Origin, tmp_path: Path) -> None:
    build(origin, origin.commit(CODE), tmp_path / "a.sqlite")
    newer, analyses = origin.commit({"app/new.py": b"x = 1\n"}), InProcess()
    old = tmp_path / "a.sqlite"
    built = build_index(repository_of(origin), newer, tmp_path / "b.sqlite", analyses=analyses, old=old)
    assert (built.is_incremental, analyses.analysed) == (True, ["app/new.py"])


def test_an_index_by_another_version_of_the_parsers_is_not_built_upon(origin: Origin, tmp_path: Path) -> None:
    commit = origin.commit(CODE)
    old, analyses = build(origin, commit, tmp_path / "a.sqlite"), InProcess("2")
    built = build_index(repository_of(origin), commit, tmp_path / "b.sqlite", analyses=analyses, old=old)
    assert (built.is_incremental, len(analyses.analysed)) == (False, 3)


@pytest.mark.parametrize("content", [b"", b"no index at all" * 500])
def test_a_damaged_index_is_not_built_upon(origin: Origin, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.sqlite").write_bytes(content)
    build(origin, origin.commit(CODE), tmp_path / "b.sqlite", old=tmp_path / "a.sqlite")
    with IndexReader(tmp_path / "b.sqlite") as index:
        assert index.count("files") == 3


def test_an_index_of_a_time_without_numbered_names_is_not_built_upon(origin: Origin, tmp_path: Path) -> None:
    commit = origin.commit(CODE)
    old = build(origin, commit, tmp_path / "a.sqlite")
    old.chmod(0o600)
    with closing(sqlite3.connect(old)) as index:
        index.execute("DROP TABLE identifiers")
    built = build_index(repository_of(origin), commit, tmp_path / "b.sqlite", analyses=InProcess(), old=old)
    with IndexReader(old) as former:
        assert (former.count("files"), built.is_incremental) == (3, False)


def test_a_history_that_was_rewritten_is_followed(origin: Origin, tmp_path: Path) -> None:
    origin.commit(CODE, "first")
    old = build(origin, origin.commit({"README.md": b"gone\n"}, "to be gone"), tmp_path / "a.sqlite")
    origin.git("reset", "-q", "--hard", "HEAD~1")
    newer = origin.commit({"README.md": b"other\n"}, "in its place")
    origin.git("reflog", "expire", "--expire=now", "--all")
    origin.git("gc", "-q", "--prune=now")
    build(origin, newer, tmp_path / "b.sqlite", old=old)
    build(origin, newer, tmp_path / "c.sqlite")
    assert logical_rows(tmp_path / "b.sqlite") == logical_rows(tmp_path / "c.sqlite")


def test_what_stops_the_building_leaves_nothing(origin: Origin, tmp_path: Path) -> None:
    def stop(phase: str, percent: int) -> None:
        if phase == "ranking":
            raise InterruptedError

    folder = tmp_path / "indexes"
    with pytest.raises(InterruptedError):
        build(origin, origin.commit(CODE), folder / "a.sqlite", progress=stop)
    assert list(folder.iterdir()) == []


def test_imports_that_cost_too_much_can_be_stopped(origin: Origin, tmp_path: Path) -> None:
    def stop(phase: str, percent: int) -> None:
        if phase == "ranking" and percent:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        build(origin, origin.commit(CODE), tmp_path / "a.sqlite", progress=stop)


@pytest.mark.parametrize(("limit", "value"), [("LINK_SECONDS", -1.0), ("MAX_LINKS", -1)])
def test_imports_beyond_a_limit_are_left_out(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    monkeypatch.setattr(f"projects.indexing.linking.{limit}", value)
    with IndexReader(build(origin, origin.commit(CODE), tmp_path / "a.sqlite")) as index:
        assert (index.count("files"), index.links()) == (3, [])


def test_a_full_disk_is_told_and_leaves_nothing(origin: Origin, tmp_path: Path) -> None:
    """The kernel refuses what is beyond the limit of this process as a full disk would."""
    commit = origin.commit({f"{n}.py": os.urandom(2000).hex().encode() + b"\n" for n in range(200)})
    program = (
        "import resource, signal, sys; from pathlib import Path; sys.path.insert(0, '.')\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from projects.indexing.building import build_index\n"
        "from tests.projects.indexing.indexes import InProcess, Repository\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "build_index(Repository(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3]), analyses=InProcess())\n"
    )
    repository, target = repository_of(origin), tmp_path / "indexes" / "a.sqlite"
    arguments = [sys.executable, "-c", program, str(repository.path), commit, str(target)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert "sqlite3.OperationalError" in done.stderr
    assert list(target.parent.iterdir()) == []


def test_a_file_that_is_no_index_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_bytes(b"nothing of the kind" * 1000)
    with pytest.raises(IndexUnreadable):
        IndexReader(tmp_path / "a.sqlite")
    with pytest.raises(IndexUnreadable):
        IndexReader(tmp_path / "b.sqlite")


NAMES = st.sampled_from(["a.py", "b.py", "lib/c.py", "lib/d.js", "notes.md", "x.bin", "yarn.lock", "lib/e.go"])
LINES = st.sampled_from(
    [
        "def find_user(name):\n    return load_user(name)\n",
        "class UserStore:\n    pass\n",
        "import a\nfrom lib import c\n",
        "export function loadUser() { return 1 }\n",
        "func LoadUser() int { return findUser() }\n",
        "# people who log in\n",
        "\0binary",
        "",
        "x" * 5001,
    ]
)
EDITS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), NAMES, st.lists(LINES, max_size=4).map("".join)),
        st.tuples(st.just("rename"), NAMES, NAMES),
        st.tuples(st.just("delete"), NAMES, st.just("")),
        st.tuples(st.just("reset"), st.just("HEAD~1"), st.just("")),
    ),
    min_size=1,
    max_size=8,
)


def carry_out(origin: Origin, edit: tuple[str, str, str]) -> None:
    verb, name, other = edit
    path = origin.path / name
    if verb == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(other)
    elif verb == "delete":
        path.unlink(missing_ok=True)
    elif verb == "rename" and path.exists():
        (origin.path / other).parent.mkdir(exist_ok=True)
        path.rename(origin.path / other)
    elif verb == "reset" and int(origin.git("rev-list", "--count", "HEAD")) > 1:
        origin.git("reset", "-q", "--hard", name)


@hypothesis_settings(max_examples=10)
@given(steps=st.lists(EDITS, min_size=2, max_size=3))
def test_an_index_that_follows_others_equals_one_from_nothing(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[tuple[str, str, str]]]
) -> None:
    folder = tmp_path_factory.mktemp("following")
    origin = make_origin(folder / "origin")
    followed = build(origin, origin.commit({"a.py": b"import lib\n"}), folder / "0.sqlite")
    for number, edits in enumerate(steps, 1):
        for edit in edits:
            carry_out(origin, edit)
        commit = origin.commit({}, f"step {number}")
        followed = build(origin, commit, folder / f"{number}.sqlite", old=followed)
    fresh = build(origin, commit, folder / "fresh.sqlite")
    assert logical_rows(followed) == logical_rows(fresh)
