"""Settings written into homes that their agents may have prepared."""

import os
from pathlib import Path

import pytest

from runs.execution.agents.home_files import write_files

pytestmark = pytest.mark.plumbing
FILES = {".agent/settings.json": "ours"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/settings.json").write_text("theirs")
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def settings(home: Path) -> str:
    return (home / ".agent/settings.json").read_text()


def test_a_file_is_written_for_its_owner_alone(home: Path) -> None:
    write_files(home, FILES, None)
    modes = (home / ".agent").stat().st_mode & 0o777, (home / ".agent/settings.json").stat().st_mode & 0o777
    assert (settings(home), modes) == ("ours", (0o700, 0o600))


def test_a_file_of_before_is_replaced_and_nothing_is_left_beside_it(home: Path) -> None:
    write_files(home, {".agent/settings.json": "older"}, None)
    write_files(home, FILES, None)
    assert (settings(home), len(list((home / ".agent").iterdir()))) == ("ours", 1)


@pytest.mark.parametrize("kind", ["folder_link", "link", "hard", "pipe", "folder", "file_for_folder"])
def test_what_an_agent_left_in_the_place_is_taken_away_and_not_followed(home: Path, kind: str) -> None:
    place, outside = home / ".agent", home.parent / "outside"
    if kind == "folder_link":
        place.symlink_to(outside)
    elif kind == "file_for_folder":
        place.write_text("no folder")
    else:
        place.mkdir()
        target = place / "settings.json"
        made = {
            "link": lambda: target.symlink_to(outside / "settings.json"),
            "hard": lambda: os.link(outside / "settings.json", target),
            "pipe": lambda: os.mkfifo(target),
            "folder": lambda: (target / "deep").mkdir(parents=True),
        }
        made[kind]()
    write_files(home, FILES, None)
    assert (settings(home), (outside / "settings.json").read_text()) == ("ours", "theirs")


@pytest.mark.parametrize("path", ["../outside/settings.json", "/etc/settings.json", ""])
def test_a_path_that_leaves_the_home_is_refused(home: Path, path: str) -> None:
    with pytest.raises(ValueError, match="no path below a home"):
        write_files(home, {path: "x"}, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_and_their_new_folders_belong_to_the_agents_user(home: Path) -> None:
    write_files(home, FILES, (65534, 65534))
    assert ((home / ".agent").stat().st_uid, (home / ".agent/settings.json").stat().st_uid) == (65534, 65534)
