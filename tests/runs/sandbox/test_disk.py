"""Measuring disk use against someone who hides it, and giving folders away without giving more."""

import os
from pathlib import Path

import pytest

from runs.execution.sandbox.disk import DiskGauge
from runs.execution.sandbox.ownership import give_to

pytestmark = pytest.mark.plumbing

MEBIBYTE = 1024**2


def fill(path: Path, size_bytes: int = MEBIBYTE) -> Path:
    path.write_bytes(os.urandom(size_bytes))
    return path


def test_all_folders_count(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "deep").mkdir(parents=True)
        fill(tmp_path / name / "deep/file")

    used = DiskGauge([tmp_path / "one", tmp_path / "two"], 10 * MEBIBYTE).used_bytes()

    assert 2 * MEBIBYTE <= used < 2.2 * MEBIBYTE


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    os.link(fill(tmp_path / "one"), tmp_path / "two")

    assert DiskGauge([tmp_path], 10 * MEBIBYTE).used_bytes() < 1.2 * MEBIBYTE


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    fill(tmp_path / "outside")
    (tmp_path / "inside/link").symlink_to(tmp_path / "outside")
    (tmp_path / "inside/up").symlink_to(tmp_path)

    assert DiskGauge([tmp_path / "inside"], MEBIBYTE).used_bytes() < MEBIBYTE / 4


def test_a_hole_does_not_count(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1024 * MEBIBYTE)

    assert DiskGauge([tmp_path], MEBIBYTE).used_bytes() < MEBIBYTE


def test_a_deleted_file_that_is_held_open_counts(tmp_path: Path) -> None:
    with fill(tmp_path / "gone").open("rb"):
        (tmp_path / "gone").unlink()

        assert DiskGauge([tmp_path], 10 * MEBIBYTE, lambda: [os.getpid()]).used_bytes() >= MEBIBYTE


def test_growth_beyond_the_limit_is_seen_at_the_next_look(tmp_path: Path) -> None:
    gauge = DiskGauge([tmp_path], 4 * MEBIBYTE)
    before = gauge.used_bytes()
    fill(tmp_path / "growth", 32 * MEBIBYTE)
    os.sync()

    while (after := gauge.used_bytes()) == before:
        pass
    assert after >= 32 * MEBIBYTE


def test_a_deleted_folder_uses_nothing(tmp_path: Path) -> None:
    assert DiskGauge([tmp_path / "gone"], MEBIBYTE).used_bytes() == 0


def test_a_symbolic_link_cannot_be_given_away(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(NotADirectoryError, match="symbolic link"):
        give_to([tmp_path / "link"], os.geteuid(), os.getegid())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_a_link_points_to_is_not_given_away(tmp_path: Path) -> None:
    (tmp_path / "tree/deep").mkdir(parents=True)
    mine = fill(tmp_path / "mine", 1)
    (tmp_path / "tree/deep/link").symlink_to(mine)
    (tmp_path / "tree/up").symlink_to(tmp_path)

    give_to([tmp_path / "tree"], 4242, 4343)

    assert (mine.stat().st_uid, tmp_path.stat().st_uid) == (0, 0)
    link = (tmp_path / "tree/deep/link").lstat()
    assert (link.st_uid, link.st_gid) == (4242, 4343)
