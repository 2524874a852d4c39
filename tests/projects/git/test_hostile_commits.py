"""A commit that a remote sends holds any names, links and trees: it is laid out in its folder only, or not at all."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest

from projects.git.errors import GitError, WorkTreeRefused
from projects.git.extent import CheckoutLimits
from projects.git.remote import fetch
from projects.git.repository import Repository
from projects.git.trees import write_review_tree
from projects.git.urls import parse_remote_url
from projects.git.work_tree import WorkTree, create_work_tree, remove_work_tree
from tests.projects.git.conftest import MakeWorkTree
from tests.projects.git.lying import AUTHOR, commit_of, entry_of, lying_remote, object_id, pack_objects
from tests.projects.git.remotes import http_server
from tests.projects.git.sample import Origin

pytestmark = pytest.mark.plumbing
FILE = b"content\n"
BLOB = object_id("blob", FILE)
LayOut = Callable[..., WorkTree]


@pytest.fixture
def lay_out(repository: Repository, tmp_path: Path) -> LayOut:
    """Fetches a commit of these objects (the first is the root tree) and makes a work tree of it."""

    def make(*objects: tuple[str, bytes], commit: bytes | None = None) -> WorkTree:
        made = commit_of(object_id(*objects[0])) if commit is None else commit
        head = object_id("commit", made)
        pack = pack_objects([("commit", made), *objects, ("blob", FILE)])
        with http_server(lying_remote([(head, "refs/heads/trunk")], pack)) as base:
            remote = parse_remote_url(f"{base}/x.git", allow_local=False, allow_private_hosts=True)
            fetch(repository, remote, addresses=("127.0.0.1",))
        return create_work_tree(repository, tmp_path / "tree", index_dir=tmp_path / "index", base_commit=head)

    return make


def outside(tmp_path: Path) -> set[Path]:
    """What there is beside the work tree and the server's own folders."""
    own = ("tree", "index", "server", "origin")
    return {path for path in tmp_path.rglob("*") if path.relative_to(tmp_path).parts[0] not in own}


@pytest.mark.parametrize(
    "name",
    [
        b".git",
        b".GIT",
        b".Git",
        b"git~1",
        b"GIT~1",
        b".git ",
        b".git.",
        b".git::$INDEX_ALLOCATION",
        ".g\u200cit".encode(),
        "\u200e.git".encode(),
        ".gi\u200dT".encode(),
        b"..",
        b".",
        b"../../outside",
        b"/etc/cron.d/x",
    ],
)
def test_a_name_that_is_git_somewhere_or_leads_out_is_refused(lay_out: LayOut, tmp_path: Path, name: bytes) -> None:
    folder = entry_of("100644", b"config", BLOB)
    root = entry_of("40000", name, object_id("tree", folder))
    with pytest.raises(WorkTreeRefused) as caught:
        lay_out(("tree", root), ("tree", folder))
    assert caught.value.code == "unsafe-path"
    assert outside(tmp_path) == set()


@pytest.mark.parametrize("name", [b".gitmodules", b".GITMODULES", b"gitmod~1"])
def test_gitmodules_as_a_link_is_refused(lay_out: LayOut, name: bytes) -> None:
    link = b"/etc/passwd"
    with pytest.raises(WorkTreeRefused):
        lay_out(("tree", entry_of("120000", name, object_id("blob", link))), ("blob", link))


def test_a_link_and_a_folder_of_one_name_lead_no_write_outside(lay_out: LayOut, tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    link, inner = str(tmp_path / "target").encode(), entry_of("100644", b"written", BLOB)
    root = entry_of("120000", b"a", object_id("blob", link)) + entry_of("40000", b"a", object_id("tree", inner))
    with contextlib.suppress(GitError):
        lay_out(("tree", root), ("tree", inner), ("blob", link))
    assert list((tmp_path / "target").iterdir()) == []


def test_two_files_of_one_name_are_refused_or_laid_out_once(lay_out: LayOut, tmp_path: Path) -> None:
    root = entry_of("100644", b"a", BLOB) * 2
    try:
        made = lay_out(("tree", root))
    except GitError:
        return
    assert [path.name for path in made.path.iterdir()] == ["a"]


def test_a_link_with_an_endless_target_is_refused_with_the_reason(lay_out: LayOut) -> None:
    link = b"x" * 100_000
    with pytest.raises(WorkTreeRefused) as caught:
        lay_out(("tree", entry_of("120000", b"link", object_id("blob", link))), ("blob", link))
    assert caught.value.code == "path-too-long"


def test_a_name_longer_than_a_file_system_takes_is_refused_with_the_reason(lay_out: LayOut) -> None:
    with pytest.raises(WorkTreeRefused) as caught:
        lay_out(("tree", entry_of("100644", b"n" * 300, BLOB)))
    assert caught.value.code == "path-too-long"


def trees_in_trees(depth: int, width: int) -> list[tuple[str, bytes]]:
    """The root first: each level names the next one `width` times, the last one a file."""
    objects = [("tree", entry_of("100644", b"f", BLOB))]
    for _ in range(depth):
        below = object_id(*objects[0])
        entries = b"".join(entry_of("40000", b"d%d" % number, below) for number in range(width))
        objects.insert(0, ("tree", entries))
    return objects


def test_ten_trees_that_stand_for_ten_billion_files_are_refused(lay_out: LayOut, tmp_path: Path) -> None:
    with pytest.raises(WorkTreeRefused, match=r"git\.checkout_files") as caught:
        lay_out(*trees_in_trees(10, 10))
    assert caught.value.code == "too-many-files"
    assert not (tmp_path / "tree").exists()


@pytest.mark.parametrize("depth", [1500, 20_000])
def test_folders_nested_without_end_are_refused(lay_out: LayOut, depth: int) -> None:
    with pytest.raises(GitError) as caught:
        lay_out(*trees_in_trees(depth, 1))
    assert caught.value.code in ("path-too-long", "invalid-answer")


def test_small_objects_that_unfold_to_too_much_on_disk_are_refused(
    repository: Repository, origin: Origin, tmp_path: Path
) -> None:
    for number in range(20):
        (origin.path / f"zeros{number}").write_bytes(bytes(100_000))
    origin.commit({})
    head = fetch(repository, origin.remote, addresses=()).head_commit
    limits = CheckoutLimits(files=100, total_bytes=1_000_000)
    with pytest.raises(WorkTreeRefused, match=r"git\.checkout_gb") as caught:
        create_work_tree(repository, tmp_path / "w", index_dir=tmp_path / "i", base_commit=head, limits=limits)
    assert caught.value.code == "too-large"


@pytest.mark.parametrize(
    "head",
    [
        b"author A <a@b> 99999999999999999999 +0000\ncommitter A <a@b> 999999999999 +9999999\n\nm\n",
        b"author nobody\ncommitter\n\nm\n",
        b"\n",
        b"author %s\ncommitter %s\nencoding no-such\ngpgsig x\n y\n\n\xff\0\xfe" % (AUTHOR, AUTHOR),
    ],
    ids=["times", "people", "nothing", "encoding"],
)
def test_a_commit_with_an_impossible_head_is_laid_out_and_read(lay_out: LayOut, head: bytes) -> None:
    root = ("tree", entry_of("100644", b"f", BLOB))
    made = lay_out(root, commit=commit_of(object_id(*root), head))
    assert made.repository.read_commit(made.base_commit).tree == object_id(*root) == write_review_tree(made)


SUBMODULES = b"""[submodule "x"]
\tpath = -u./evil
\turl = ext::sh -c touch% {canary}
\tupdate = !touch {canary}
[submodule "../../outside"]
\tpath = ../outside
\turl = --upload-pack=touch {canary}
"""


def test_submodules_are_empty_folders_whatever_they_name(lay_out: LayOut, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    modules = SUBMODULES.replace(b"{canary}", str(canary).encode())
    root = (
        entry_of("160000", b"-u.", "1" * 40)
        + entry_of("100644", b".gitmodules", object_id("blob", modules))
        + entry_of("160000", b"x", "1" * 40)
    )
    made = lay_out(("tree", root), ("blob", modules))
    assert [list((made.path / name).iterdir()) for name in ("-u.", "x")] == [[], []]
    assert write_review_tree(made) == object_id("tree", root)
    assert outside(tmp_path) == set()


def test_twins_in_case_are_files_of_their_own(origin: Origin, make_work_tree: MakeWorkTree) -> None:
    twins = {"readme.md": b"lower", "Readme.MD": b"mixed"}
    origin.commit(twins)
    made = make_work_tree()
    assert {name: (made.path / name).read_bytes() for name in twins} == twins
    assert write_review_tree(made) == origin.git("rev-parse", "HEAD^{tree}")


def test_attributes_of_the_repository_name_no_program(origin: Origin, make_work_tree: MakeWorkTree) -> None:
    content = b"[attr]evil filter=evil diff=evil merge=evil\n* evil -diff\n*.x filter=lfs\n"
    origin.commit({".gitattributes": content, "x/.gitattributes": b"* filter=evil\n", "a.x": b"stored"})
    made = make_work_tree()
    assert (made.path / "a.x").read_bytes() == b"stored"
    assert write_review_tree(made) == origin.git("rev-parse", "HEAD^{tree}")


def test_a_refused_commit_leaves_nothing_that_hinders_the_next(
    lay_out: LayOut, repository: Repository, tmp_path: Path
) -> None:
    with pytest.raises(WorkTreeRefused):
        lay_out(("tree", entry_of("100644", b".GIT", BLOB)))
    remove_work_tree(WorkTree(repository, tmp_path / "tree", tmp_path / "index"))
    assert (lay_out(("tree", entry_of("100644", b"f", BLOB))).path / "f").read_bytes() == FILE
