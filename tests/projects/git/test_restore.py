import errno
import os
import stat
from pathlib import Path

import pytest

from projects.git.errors import DiskFull, WorkTreeRefused
from projects.git.restore import Plan, RestoreNotBegun, Write, apply_plan, plan_restore, unrecorded_in_the_way
from projects.git.trees import UNFINISHED_RESTORE, Selection, record_exactly, write_exact_tree, write_review_tree
from projects.git.work_tree import WorkTree
from tests.projects.git.conftest import MakeWorkTree
from tests.projects.git.sample import Origin, git

pytestmark = pytest.mark.plumbing


def restore(work_tree: WorkTree, wanted: str) -> Plan:
    """As the service does it, without a checkpoint."""
    plan = plan_restore(work_tree.repository, write_exact_tree(work_tree), wanted)
    assert unrecorded_in_the_way(work_tree, plan) == []
    apply_plan(work_tree, plan)
    return plan


@pytest.fixture
def base(work_tree: WorkTree) -> str:
    """The tree as it was made."""
    return write_exact_tree(work_tree)


def test_files_come_back_and_new_ones_go(work_tree: WorkTree, base: str) -> None:
    (work_tree.path / "README.md").write_text("other\n")
    (work_tree.path / "src/app.py").unlink()
    (work_tree.path / "new").mkdir()
    (work_tree.path / "new/file").write_text("x")
    plan = restore(work_tree, base)
    assert (len(plan.removals), len(plan.writes)) == (1, 2)
    assert (work_tree.path / "README.md").read_text() == "hello\n"
    assert not (work_tree.path / "new").exists()
    assert write_exact_tree(work_tree) == base


def test_what_has_not_changed_is_not_written(work_tree: WorkTree, base: str) -> None:
    before = (work_tree.path / "README.md").stat()
    (work_tree.path / "src/app.py").write_text("changed\n")
    restore(work_tree, base)
    after = (work_tree.path / "README.md").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("attribute", ["text eol=crlf", "working-tree-encoding=UTF-16", "ident", "filter=x"])
def test_no_attribute_changes_a_byte(work_tree: WorkTree, attribute: str) -> None:
    content = "$Id$ \r\n\n\N{SNOWMAN}".encode("utf-16")
    (work_tree.path / ".gitattributes").write_text(f"* {attribute}\n")
    (work_tree.path / "f").write_bytes(content)
    wanted = write_exact_tree(work_tree)
    (work_tree.path / "f").write_bytes(b"other")
    restore(work_tree, wanted)
    assert (work_tree.path / "f").read_bytes() == content


def test_modes_and_links_come_back(work_tree: WorkTree) -> None:
    (work_tree.path / "run").write_text("x")
    (work_tree.path / "run").chmod(0o755)
    (work_tree.path / "link").symlink_to("/etc/passwd")
    wanted = write_exact_tree(work_tree)
    (work_tree.path / "run").chmod(0o644)
    (work_tree.path / "link").unlink()
    (work_tree.path / "link").write_text("a file")
    restore(work_tree, wanted)
    assert stat.S_IMODE((work_tree.path / "run").stat().st_mode) == 0o755
    assert (work_tree.path / "link").readlink() == Path("/etc/passwd")


def test_files_of_any_size_come_back(work_tree: WorkTree, base: str) -> None:
    sizes = (0, 1, 65_535, 65_536, 300_000)
    contents = {f"f{size}": (b"line\n\0\xff" * 50_000)[:size] for size in sizes}
    for name, content in contents.items():
        (work_tree.path / name).write_bytes(content)
    wanted = write_exact_tree(work_tree)
    restore(work_tree, base)
    assert not (work_tree.path / "f1").exists()
    restore(work_tree, wanted)
    assert {name: (work_tree.path / name).read_bytes() for name in contents} == contents


def test_a_file_a_folder_and_a_link_change_places(work_tree: WorkTree, base: str, tmp_path: Path) -> None:
    (work_tree.path / "README.md").unlink()
    (work_tree.path / "README.md/deep/er").mkdir(parents=True)
    (work_tree.path / "README.md/deep/x").touch()
    (work_tree.path / "src/app.py").unlink()
    (work_tree.path / "src").rmdir()
    (work_tree.path / "src").symlink_to(tmp_path)
    changed = write_exact_tree(work_tree)
    restore(work_tree, base)
    assert (work_tree.path / "src/app.py").read_text() == "print('hi')\n"
    assert (work_tree.path / "README.md").is_file()
    restore(work_tree, changed)
    assert (work_tree.path / "src").readlink() == tmp_path
    assert not (tmp_path / "app.py").exists()


def test_empty_folders_stay_and_emptied_ones_go(work_tree: WorkTree, base: str) -> None:
    (work_tree.path / "empty").mkdir()
    (work_tree.path / "emptied/deep").mkdir(parents=True)
    (work_tree.path / "emptied/deep/x").touch()
    (work_tree.path / "emptied/empty").mkdir()
    restore(work_tree, base)
    names = sorted(str(path.relative_to(work_tree.path)) for path in work_tree.path.glob("emp*/**"))
    assert names == ["emptied", "emptied/empty", "empty"]


def test_ignored_files_stay(work_tree: WorkTree, base: str) -> None:
    (work_tree.path / "x.log").write_text("kept")
    (work_tree.path / "build").mkdir()
    (work_tree.path / "build/x.log").write_text("kept")
    (work_tree.path / "build/new").touch()
    restore(work_tree, base)
    assert (work_tree.path / "x.log").read_text() == (work_tree.path / "build/x.log").read_text() == "kept"
    assert not (work_tree.path / "build/new").exists()


def test_what_is_in_the_way_unrecorded_is_named(work_tree: WorkTree) -> None:
    (work_tree.path / ".gitignore").unlink()
    (work_tree.path / "a.log").write_text("old")
    (work_tree.path / "d").mkdir()
    (work_tree.path / "d/b.txt").write_text("old")
    wanted = write_exact_tree(work_tree)
    (work_tree.path / ".gitignore").write_text("*.log\nd\n")
    (work_tree.path / "a.log").write_text("new")
    (work_tree.path / "d/b.txt").unlink()
    (work_tree.path / "d").rmdir()
    (work_tree.path / "d").write_text("new")
    plan = plan_restore(work_tree.repository, write_exact_tree(work_tree), wanted)
    assert unrecorded_in_the_way(work_tree, plan) == [b"a.log", b"d"]
    kept = record_exactly(work_tree, Selection(also=[b"a.log", b"d"])).tree
    apply_plan(work_tree, plan_restore(work_tree.repository, kept, wanted))
    assert (work_tree.path / "d/b.txt").read_text() == (work_tree.path / "a.log").read_text() == "old"
    apply_plan(work_tree, plan_restore(work_tree.repository, wanted, kept))
    assert (work_tree.path / "d").read_text() == (work_tree.path / "a.log").read_text() == "new"
    assert "a.log" not in work_tree.repository.run(["ls-tree", write_exact_tree(work_tree)]).decode()


def test_a_folder_of_ignored_files_is_not_removed_for_a_file(work_tree: WorkTree) -> None:
    (work_tree.path / "place").write_text("a file")
    wanted = write_exact_tree(work_tree)
    (work_tree.path / "place").unlink()
    (work_tree.path / "place").mkdir()
    (work_tree.path / "place/x.log").write_text("kept")
    plan = plan_restore(work_tree.repository, write_exact_tree(work_tree), wanted)
    with pytest.raises(WorkTreeRefused, match=r"place/x\.log") as caught:
        unrecorded_in_the_way(work_tree, plan)
    assert caught.value.code == "restore-blocked"
    with pytest.raises(WorkTreeRefused):
        apply_plan(work_tree, plan)
    assert (work_tree.path / "place/x.log").read_text() == "kept"


def test_a_folder_swapped_for_a_link_is_not_followed(work_tree: WorkTree, base: str, tmp_path: Path) -> None:
    (work_tree.path / "src/app.py").write_text("changed")
    plan = plan_restore(work_tree.repository, write_exact_tree(work_tree), base)
    outside = tmp_path / "outside"
    (work_tree.path / "src").rename(outside)
    (work_tree.path / "src").symlink_to(outside)
    with pytest.raises(WorkTreeRefused) as caught:
        apply_plan(work_tree, plan)
    assert (caught.value.code, (outside / "app.py").read_text()) == ("not-writable", "changed")


def test_nothing_is_removed_through_a_link(work_tree: WorkTree, base: str, tmp_path: Path) -> None:
    (work_tree.path / "new").mkdir()
    (work_tree.path / "new/file").touch()
    plan = plan_restore(work_tree.repository, write_exact_tree(work_tree), base)
    outside = tmp_path / "outside"
    (work_tree.path / "new").rename(outside)
    (work_tree.path / "new").symlink_to(outside)
    apply_plan(work_tree, plan)
    assert (outside / "file").exists()


def test_a_file_with_two_names_is_not_written_through(work_tree: WorkTree, base: str, tmp_path: Path) -> None:
    os.link(work_tree.path / "README.md", tmp_path / "other-name")
    (work_tree.path / "README.md").write_text("changed")
    restore(work_tree, base)
    assert (tmp_path / "other-name").read_text() == "changed"


def test_a_folder_that_may_not_be_written_is_opened_for_it(work_tree: WorkTree, base: str) -> None:
    (work_tree.path / "src/app.py").write_text("changed")
    (work_tree.path / "src").chmod(0o555)
    restore(work_tree, base)
    assert (work_tree.path / "src/app.py").read_text() == "print('hi')\n"


def test_a_name_that_leads_outside_is_refused(work_tree: WorkTree, base: str) -> None:
    blob = work_tree.repository.run(["rev-parse", f"{base}:README.md"]).strip()
    entry = b"100644 %s\0" % b".." + bytes.fromhex(blob.decode())
    bad = git(work_tree.repository.path, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=entry)
    with pytest.raises(WorkTreeRefused) as caught:
        plan_restore(work_tree.repository, base, bad)
    assert caught.value.code == "unsafe-path"


def test_content_that_is_gone_changes_nothing(work_tree: WorkTree, base: str) -> None:
    plan = Plan(removals=(b"README.md",), writes=(Write(b"x", b"100644", b"1" * 40, is_new=True),), folders=())
    with pytest.raises(RestoreNotBegun):
        apply_plan(work_tree, plan)
    assert write_exact_tree(work_tree) == base


def test_a_full_disk_is_told_as_such(work_tree: WorkTree, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (work_tree.path / "README.md").write_text("changed")

    def full(descriptor: int, mode: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(DiskFull):
        restore(work_tree, base)
    assert (work_tree.path / "README.md").read_text() == "changed"
    assert not (work_tree.index_dir / UNFINISHED_RESTORE).exists()


def test_nothing_is_recorded_of_a_tree_that_is_half_restored(work_tree: WorkTree) -> None:
    (work_tree.index_dir / UNFINISHED_RESTORE).mkdir()
    for write in (write_exact_tree, write_review_tree):
        with pytest.raises(WorkTreeRefused) as caught:
            write(work_tree)
        assert caught.value.code == "restore-unfinished"


def test_a_large_file_is_left_out_and_named(work_tree: WorkTree, base: str) -> None:
    (work_tree.path / "large").write_bytes(b"x" * 2000)
    (work_tree.path / "README.md").write_bytes(b"x" * 2000)
    (work_tree.path / "small").write_bytes(b"x" * 1000)
    recorded = record_exactly(work_tree, Selection(max_file_bytes=1000))
    names = work_tree.repository.run(["ls-tree", "-r", "--name-only", recorded.tree]).decode().split()
    assert names == [".gitignore", "small", "src/app.py"]
    assert [(each.path, each.size_bytes) for each in recorded.left_out] == [(b"README.md", 2000), (b"large", 2000)]


def test_a_file_that_was_left_out_is_not_removed(work_tree: WorkTree, base: str) -> None:
    (work_tree.path / "large").write_bytes(b"x")
    plan = plan_restore(work_tree.repository, write_exact_tree(work_tree), base, keep=[b"large"])
    apply_plan(work_tree, plan)
    assert (work_tree.path / "large").exists()


def test_a_submodules_folder_stays_out_of_it(origin: Origin, make_work_tree: MakeWorkTree) -> None:
    origin.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},libs/sub")
    origin.git("commit", "-q", "-m", "submodule")
    made = make_work_tree()
    wanted = write_exact_tree(made)
    (made.path / "README.md").unlink()
    restore(made, wanted)
    assert write_exact_tree(made) == wanted
    assert (made.path / "libs/sub").is_dir()
