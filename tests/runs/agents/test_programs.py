"""How installed agents are started, and what their sandbox must show."""

from dataclasses import replace
from pathlib import Path

import pytest

from runs.execution.agents.programs import program, program_folders
from tests.runs.agents.driver import SETTING

pytestmark = pytest.mark.plumbing


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """An agent of npm with the shared Node.js."""
    (tmp_path / "node/1/bin").mkdir(parents=True)
    (tmp_path / "node/1/bin/node").write_text("node")
    folder = tmp_path / "agent/1"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/node").symlink_to(tmp_path / "node/1/bin/node")
    (folder / "bin/agent").write_text("#!/usr/bin/env node\n")
    return folder


def test_a_program_for_node_is_started_by_its_own_node(installation: Path) -> None:
    setting = replace(SETTING, installation=installation)
    assert program(setting, "agent") == (f"{installation}/bin/node", f"{installation}/bin/agent")


def test_a_native_program_is_started_as_it_is(installation: Path) -> None:
    (installation / "bin/agent").write_bytes(b"\x7fELF")
    assert program(replace(SETTING, installation=installation), "agent") == (f"{installation}/bin/agent",)


def test_an_installation_and_its_node_are_shown(installation: Path, tmp_path: Path) -> None:
    folders = program_folders(replace(SETTING, installation=installation), "agent")
    assert folders == (installation, tmp_path / "node/1")


def test_a_program_of_the_path_is_shown_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules, folder = tmp_path / "lib/node_modules", tmp_path / "bin"
    (modules / "agent").mkdir(parents=True)
    folder.mkdir()
    (modules / "agent/index.js").write_text("#!/usr/bin/env node\n")
    (modules / "agent/index.js").chmod(0o755)
    (folder / "agent").symlink_to(modules / "agent/index.js")
    monkeypatch.setenv("PATH", str(folder))
    assert (program(SETTING, "agent"), program_folders(SETTING, "agent")) == ((f"{folder}/agent",), (modules,))
