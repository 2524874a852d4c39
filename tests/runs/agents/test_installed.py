"""Where agents' programs are, and what is readable for them."""

from dataclasses import replace
from pathlib import Path

import pytest

from runs.execution.agents.installed import node_command, program, python_command, readable, readable_environment
from runs.execution.agents.profile import Setting

pytestmark = pytest.mark.plumbing


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    """An installation by npm, with a Node.js that is elsewhere."""
    folder = tmp_path / "agents/some/1.0"
    for path in ("bin", "node_modules/.bin", "node_modules/some/dist"):
        (folder / path).mkdir(parents=True)
    (folder / "node_modules/some/dist/main.js").touch()
    (folder / "node_modules/.bin/some").symlink_to("../some/dist/main.js")
    (folder / "bin/some").symlink_to("../node_modules/.bin/some")
    (tmp_path / "wheel").mkdir()
    (tmp_path / "wheel/node").touch()
    (folder / "bin/node").symlink_to(tmp_path / "wheel/node")
    return Setting("python", folder, tmp_path / "home", tmp_path / "tree", is_safe=True, access=None)


def test_a_program_of_npm_is_its_script_for_its_own_node(setting: Setting, tmp_path: Path) -> None:
    script = tmp_path / "agents/some/1.0/node_modules/some/dist/main.js"
    assert node_command(setting, "some") == (str(tmp_path / "wheel/node"), str(script))


def test_the_installation_is_readable_and_of_a_node_elsewhere_only_that_file(setting: Setting, tmp_path: Path) -> None:
    seen = readable(setting, program(setting, "node"), program(setting, "some"))
    assert seen == (tmp_path / "agents/some/1.0", tmp_path / "wheel/node")


def test_of_a_program_in_the_path_only_its_packages_are_readable(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "agents/some/1.0/node_modules/some/dist/main.js").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "agents/some/1.0/bin"))
    found = replace(setting, installation=None)
    assert readable(found, program(found, "some")) == (tmp_path / "agents/some/1.0/node_modules",)


def test_a_python_environment_is_readable_with_its_interpreter(setting: Setting, tmp_path: Path) -> None:
    folder = tmp_path / "agents/other/1.0"
    (folder / "bin").mkdir(parents=True)
    (tmp_path / "pythons/3.12/bin").mkdir(parents=True)
    (tmp_path / "pythons/3.12/bin/python3.12").touch()
    (folder / "bin/other").touch()
    (folder / "bin/python").symlink_to(tmp_path / "pythons/3.12/bin/python3.12")
    other = replace(setting, installation=folder)
    assert python_command(other, "other") == (str(folder / "bin/other"),)
    assert readable_environment(other, "other") == (folder, tmp_path / "pythons/3.12")
