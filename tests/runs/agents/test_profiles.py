"""Profiles, and what the script agent needs readable when nothing else is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runs.execution.agents.output_files import OutputFileRefused, open_output, read_exit_code
from runs.execution.agents.registry import PROFILES
from tests.runs.agents.driver import SETTING

pytestmark = pytest.mark.plumbing
PACKAGE = Path(__file__).resolve().parents[3] / "runs/execution/agents"


def test_every_profile_is_found_by_its_own_key() -> None:
    assert all(profile.key == key for key, profile in PROFILES.items())


def test_the_script_agent_asks_in_safe_mode() -> None:
    assert (PROFILES["script"].mode(is_safe=True), PROFILES["script"].mode(is_safe=False)) == ("ask", "auto")


def test_the_interpreter_is_in_what_is_readable() -> None:
    readable = (*PROFILES["script"].read_only(SETTING), Path("/usr"), Path("/bin"))
    assert any(Path(sys.executable).resolve().is_relative_to(folder) for folder in readable)


def test_importing_the_client_imports_neither_the_sdk_nor_django() -> None:
    code = "import sys, runs.execution.agents.client; print({'acp', 'pydantic', 'django'} & set(sys.modules))"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parents[2]
    )
    assert answer.stdout == "set()\n"


def test_the_script_agent_starts_in_an_empty_environment(tmp_path: Path) -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}) + "\n"
    command = PROFILES["script"].command(SETTING)
    answer = subprocess.run(command, input=request, env={}, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["result"]["agentCapabilities"] == {"loadSession": True}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("nonsense", -32700),
        ("[]", -32600),
        ('{"id": 1, "method": "fly"}', -32601),
        ('{"id": 1, "method": "initialize", "params": [1]}', -32602),
        ('{"id": 1, "method": "session/prompt", "params": {"sessionId": "x"}}', -32002),
        ('{"id": 1, "method": "session/new", "params": {"cwd": "relative"}}', -32602),
    ],
)
def test_the_script_agent_answers_wrong_requests_with_an_error(tmp_path: Path, line: str, code: int) -> None:
    command = PROFILES["script"].command(SETTING)
    answer = subprocess.run(
        command, input=line + "\n", env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert json.loads(answer.stdout)["error"]["code"] == code


def test_an_output_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with open_output(tmp_path, str(tmp_path / "out")) as file:
        assert file.read() == b"x"


@pytest.mark.parametrize(
    ("text", "exit_code"), [("3\n", 3), ("0", 0), ("", None), ("x", None), ("-1", None), ("12345678", None)]
)
def test_an_exit_code_is_read_from_a_file(tmp_path: Path, text: str, exit_code: int | None) -> None:
    (tmp_path / "exit").write_text(text)
    assert read_exit_code(tmp_path, "exit") == exit_code


def test_without_its_file_an_exit_code_is_not_known(tmp_path: Path) -> None:
    assert (read_exit_code(tmp_path, "missing"), read_exit_code(tmp_path, None)) == (None, None)


@pytest.mark.parametrize("name", ["link", "folder/hostname", "pipe", "hard", "../secret", "", "missing"])
def test_what_is_no_plain_file_of_the_home_is_not_opened(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret").write_text("secret")
    (home / "link").symlink_to(tmp_path / "secret")
    (home / "folder").symlink_to("/etc")
    os.mkfifo(home / "pipe")
    os.link(tmp_path / "secret", home / "hard")
    with pytest.raises(OutputFileRefused):
        open_output(home, f"{home}/{name}")
