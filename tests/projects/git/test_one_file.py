"""One file of a work tree that an agent had: read and written without following anything that it left there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from projects.git.errors import WorkTreeRefused
from projects.git.one_file import read_file, write_file
from projects.git.work_tree import WorkTree

pytestmark = pytest.mark.plumbing
DOC = "docs/MAP.md"


def prepare_outside(work_tree: WorkTree) -> Path:
    outside = work_tree.path.parent / "outside"
    outside.mkdir()
    (outside / "MAP.md").write_text("secret")
    return outside


def test_a_file_that_is_written_is_read_again(work_tree: WorkTree) -> None:
    assert read_file(work_tree, DOC, max_bytes=9) is None
    write_file(work_tree, DOC, b"a\r\nb")
    assert read_file(work_tree, DOC, max_bytes=9) == b"a\r\nb"
    assert [path.name for path in (work_tree.path / "docs").iterdir()] == ["MAP.md"]


def test_a_file_keeps_its_mode(work_tree: WorkTree) -> None:
    write_file(work_tree, DOC, b"a")
    (work_tree.path / DOC).chmod(0o755)
    write_file(work_tree, DOC, b"b")
    assert (work_tree.path / DOC).stat().st_mode & 0o777 == 0o755


def link_folder(work_tree: WorkTree, outside: Path) -> None:
    (work_tree.path / "docs").symlink_to(outside)


def link_file(work_tree: WorkTree, outside: Path) -> None:
    (work_tree.path / "docs").mkdir()
    (work_tree.path / DOC).symlink_to(outside / "MAP.md")


def dangling_link(work_tree: WorkTree, outside: Path) -> None:
    (work_tree.path / "docs").mkdir()
    (work_tree.path / DOC).symlink_to(outside / "new")


def folder(work_tree: WorkTree, outside: Path) -> None:
    (work_tree.path / DOC).mkdir(parents=True)


def fifo(work_tree: WorkTree, outside: Path) -> None:
    (work_tree.path / "docs").mkdir()
    os.mkfifo(work_tree.path / DOC)


def file_for_folder(work_tree: WorkTree, outside: Path) -> None:
    (work_tree.path / "docs").write_text("x")


Trap = Callable[[WorkTree, Path], None]


@pytest.mark.parametrize("trap", [link_folder, link_file, dangling_link, folder, fifo, file_for_folder])
def test_what_is_no_ordinary_file_is_neither_read_nor_written(work_tree: WorkTree, trap: Trap) -> None:
    outside = prepare_outside(work_tree)
    trap(work_tree, outside)
    with pytest.raises(WorkTreeRefused) as refused:
        read_file(work_tree, DOC, max_bytes=9)
    assert refused.value.code == "not-ordinary"
    with pytest.raises(WorkTreeRefused) as refused:
        write_file(work_tree, DOC, b"x")
    assert refused.value.code == "not-ordinary"
    assert {path.name: path.read_text() for path in outside.iterdir()} == {"MAP.md": "secret"}


def test_a_large_file_is_not_read_whole(work_tree: WorkTree) -> None:
    write_file(work_tree, "large", b"")
    os.truncate(work_tree.path / "large", 100 << 20)
    with pytest.raises(WorkTreeRefused, match="more than 1000 bytes"):
        read_file(work_tree, "large", max_bytes=1000)


def test_what_a_killed_writer_left_is_no_hindrance(work_tree: WorkTree) -> None:
    (work_tree.index_dir / "file.new").write_text("half")
    write_file(work_tree, DOC, b"x")
    assert (work_tree.path / DOC).read_bytes() == b"x"
    assert not (work_tree.index_dir / "file.new").exists()
