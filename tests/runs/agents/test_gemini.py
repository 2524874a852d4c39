"""Gemini CLI: its settings, and what it sent (excerpts of a session of 0.61.0) in this server's words."""

import json
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs.execution.agents.gemini_profile import GEMINI
from runs.execution.agents.output_files import open_output, read_exit_code
from runs.execution.agents.profile import ModelAccess, Setting
from runs.execution.agents.split_shell import OUTPUTS, digest
from runs.execution.agents.translate import Translator
from runs.execution.agents.updates import CommandFinished, CommandStarted, TokenUsage
from tests.runs.agents.acp_shapes import content

pytestmark = pytest.mark.plumbing
COMMAND = "echo out; echo err >&2; exit 3"


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    access = ModelAccess("http://127.0.0.1:8317", "the-token", "google", "large")
    return Setting("python", None, tmp_path / "home", tmp_path / "tree", is_safe=True, access=access)


def settings(setting: Setting) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(GEMINI.files(setting)[".gemini/settings.json"])
    return read


def policy(setting: Setting) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = tomllib.loads(GEMINI.files(setting)[".gemini/policies/quarterdeck.toml"]).get(
        "rule", []
    )
    return rules


def call(status: str, text: str = "", command: str = COMMAND) -> dict[str, Any]:
    told = content(text) if text else []
    return {"toolCallId": "c", "status": status, "title": command, "content": told, "kind": "execute"}


def ended(text: str, status: str = "completed", command: str = COMMAND) -> CommandFinished:
    """The end of a command of which it says that."""
    translator = Translator(GEMINI.dialect)
    start = call("in_progress", "[current working directory /tree] (why)", command)
    translator.translate({**start, "sessionUpdate": "tool_call"})
    end = translator.translate({**call(status, text, command), "sessionUpdate": "tool_call_update"})[-1]
    assert isinstance(end, CommandFinished)
    return end


def test_in_safe_mode_the_work_tree_is_no_trusted_folder(setting: Setting) -> None:
    security = settings(setting)["security"]
    assert security["folderTrust"] == {"enabled": True}
    assert (security["disableYoloMode"], security["disableAlwaysAllow"]) == (True, True)
    assert GEMINI.environment(setting)["GEMINI_CLI_TRUST_WORKSPACE"] == "false"


def test_in_safe_mode_each_command_asks_by_a_rule_with_a_pattern(setting: Setting) -> None:
    (commands,) = (rule for rule in policy(setting) if rule["toolName"] == "run_shell_command")
    assert (commands["decision"], commands["argsPattern"]) == ("ask_user", "command")
    assert {rule["decision"] for rule in policy(setting)} == {"ask_user"}


def test_without_safe_mode_nothing_asks(setting: Setting) -> None:
    free = replace(setting, is_safe=False)
    assert (policy(free), GEMINI.environment(free)["GEMINI_CLI_TRUST_WORKSPACE"]) == ([], "true")
    assert not settings(free)["security"]["disableYoloMode"]


@pytest.mark.parametrize("is_safe", [True, False])
def test_it_begins_in_the_mode_of_the_run(setting: Setting, is_safe: bool) -> None:
    command = GEMINI.command(replace(setting, is_safe=is_safe))
    assert command[-2:] == ("--approval-mode", GEMINI.mode(is_safe=is_safe))


def test_it_reaches_its_model_by_the_gateway_and_no_file_has_the_token(setting: Setting) -> None:
    environment = GEMINI.environment(setting)
    assert environment["GOOGLE_GEMINI_BASE_URL"] == "http://127.0.0.1:8317/google"
    assert (environment["GEMINI_API_KEY"], environment["GEMINI_MODEL"]) == ("the-token", "large")
    assert "the-token" not in json.dumps([dict(GEMINI.files(setting)), GEMINI.command(setting)])


def test_its_title_of_a_command_is_the_command() -> None:
    translator = Translator(GEMINI.dialect)
    assert translator.take_request(call("pending", "[current working directory /tree]")) == (
        CommandStarted("c", COMMAND, None),
    )
    known = translator.asked_about("c")
    assert (known.command, known.text) == (COMMAND, "")


def test_what_is_told_beforehand_is_no_output() -> None:
    assert ended("").stdout == ""


def test_output_and_the_files_of_its_shell_are_told_at_the_end() -> None:
    end = ended("out\nerr")
    assert (end.stdout, end.exit_code, end.exit_code_file) == ("out\nerr", None, f"{OUTPUTS}/{digest(COMMAND)}.exit")


def test_an_exit_code_in_place_of_output_is_none() -> None:
    end = ended("Command exited with code: 1", command="false")
    assert (end.stdout, end.exit_code) == ("", 1)


@pytest.mark.parametrize(
    ("text", "status"),
    [("Blocked: command substitution detected in shell command.", "completed"), ("No such folder", "failed")],
)
def test_a_command_that_did_not_run_has_a_reason_and_no_files(text: str, status: str) -> None:
    end = ended(text, status)
    assert (end.reason, end.stdout, end.stdout_file, end.exit_code_file) == (text, "", None, None)


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
@pytest.mark.parametrize(
    ("command", "given"),
    [
        (COMMAND, COMMAND),
        ("sh -c 'echo out; echo err >&2; exit 3'", COMMAND),
        ("cat <<X\nout\nX\necho err >&2\n(exit 3)", "cat <<X\nout\nX\necho err >&2\n(exit 3)"),
    ],
)
def test_its_shell_keeps_both_streams_by_the_command(
    tmp_path: Path, setting: Setting, command: str, given: str
) -> None:
    """As its shell is given it by 0.61.0."""
    wrapped = (
        "shopt -u promptvars nullglob extglob nocaseglob dotglob; _bgpids_file='/tmp/x y/bgpids.tmp'\n"
        f"(\n  trap 'jobs -p > \"/dev/null\"' EXIT\n{given}\n)\n__code=$?\nexit $__code"
    )
    (tmp_path / "shell").write_text(GEMINI.files(setting)[".quarterdeck/shell"])
    own = {"HOME": str(tmp_path), "BASH_ENV": str(tmp_path / "shell"), "PATH": "/usr/bin:/bin"}
    subprocess.run(["/bin/bash", "-c", wrapped], env=own, capture_output=True, check=False)
    end = ended("", command=command)
    assert end.stdout_file is not None
    assert end.stderr_file is not None
    with open_output(tmp_path, end.stdout_file) as stdout, open_output(tmp_path, end.stderr_file) as stderr:
        assert (stdout.read(), stderr.read()) == (b"out\n", b"err\n")
    assert read_exit_code(tmp_path, end.exit_code_file) == 3


def test_the_tokens_of_a_turn_are_in_its_answer() -> None:
    answer = {"_meta": {"quota": {"token_count": {"input_tokens": 2000, "output_tokens": 100}}}}
    assert GEMINI.dialect.usage(answer) == TokenUsage(2100, 2000, 100, 0, 0)
    assert GEMINI.dialect.usage({}) is None
