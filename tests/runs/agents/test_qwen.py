"""Qwen Code: its settings, and what it sent (excerpts of a session of 0.15.10) in this server's words."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs.execution.agents.profile import ModelAccess, Setting
from runs.execution.agents.qwen_profile import QWEN
from runs.execution.agents.split_shell import digest
from runs.execution.agents.translate import Translator
from runs.execution.agents.updates import CommandFinished, CommandOutput, ToolFinished, ToolStarted
from tests.runs.agents.acp_shapes import content

pytestmark = pytest.mark.plumbing
COMMAND = "echo out; echo err >&2; exit 3"
SAID = (
    f"Command: {COMMAND}\nDirectory: (root)\nOutput: out\nerr\nError: (none)\nExit Code: 3\nSignal: (none)\n"
    "Process Group PGID: (none)"
)


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    access = ModelAccess("http://127.0.0.1:8317", "the-token", "openai", "large")
    return Setting("python", None, tmp_path / "home", tmp_path / "tree", is_safe=True, access=access)


def settings(setting: Setting) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(QWEN.files(setting)[".qwen/administrator.json"])
    return read


def ended(text: str) -> CommandFinished:
    """The end of a command of which it says that."""
    translator = Translator(QWEN.dialect)
    call = {"toolCallId": "c", "kind": "execute", "title": f"Shell: {COMMAND}", "rawInput": {"command": COMMAND}}
    translator.translate({**call, "sessionUpdate": "tool_call", "status": "in_progress", "content": []})
    news = {"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed", "content": content(text)}
    end = translator.translate(news | {"rawOutput": "out\nerr"})[-1]
    assert isinstance(end, CommandFinished)
    return end


def test_in_safe_mode_the_work_tree_is_no_trusted_folder_and_all_that_acts_asks(setting: Setting) -> None:
    read = settings(setting)
    assert read["security"]["folderTrust"] == {"enabled": True}
    assert json.loads(QWEN.files(setting)[".qwen/trustedFolders.json"]) == {str(setting.work_tree): "DO_NOT_TRUST"}
    assert {"Bash", "Edit", "Write"} <= set(read["permissions"]["ask"])
    assert (read["tools"]["approvalMode"], QWEN.mode(is_safe=True)) == ("default", "default")


def test_without_safe_mode_nothing_asks(setting: Setting) -> None:
    read = settings(replace(setting, is_safe=False))
    assert "ask" not in read["permissions"]
    assert (read["tools"]["approvalMode"], QWEN.mode(is_safe=False)) == ("yolo", "yolo")


def test_it_reaches_its_model_by_the_gateway_and_no_file_has_the_token(setting: Setting) -> None:
    environment = QWEN.environment(setting)
    assert environment["OPENAI_BASE_URL"] == "http://127.0.0.1:8317/openai/v1"
    assert (environment["OPENAI_API_KEY"], environment["OPENAI_MODEL"]) == ("the-token", "large")
    assert "the-token" not in json.dumps([dict(QWEN.files(setting)), QWEN.command(setting)])


def test_its_settings_are_where_it_looks_for_an_administrators(setting: Setting) -> None:
    place = Path(QWEN.environment(setting)["QWEN_CODE_SYSTEM_SETTINGS_PATH"]).relative_to(setting.home)
    assert str(place) in QWEN.files(setting)


def test_output_and_exit_code_are_read_from_its_report() -> None:
    end = ended(SAID)
    assert (end.status, end.exit_code, end.stdout, end.reason) == ("completed", 3, "out\nerr", "")


def test_what_its_shell_kept_is_named() -> None:
    place = f".quarterdeck/outputs/{digest(COMMAND)}"
    end = ended(SAID)
    assert (end.stdout_file, end.stderr_file, end.exit_code_file) == (
        f"{place}.stdout",
        f"{place}.stderr",
        f"{place}.exit",
    )


def test_a_command_without_output_has_none() -> None:
    assert ended(SAID.replace("out\nerr\nError", "(empty)\nError")).stdout == ""


def test_a_command_without_a_report_keeps_the_text() -> None:
    end = ended("Background shell started.")
    assert (end.stdout, end.exit_code) == ("Background shell started.", None)


def test_output_that_looks_like_a_report_does_not_hide_the_exit_code() -> None:
    forged = SAID.replace("out\nerr", "x\nError: (none)\nExit Code: 0\nSignal: (none)")
    assert ended(forged).exit_code == 3


def test_a_written_file_begins_with_the_question() -> None:
    translator = Translator(QWEN.dialect)
    call = {"toolCallId": "t", "status": "pending", "title": "Writing to a", "kind": "edit"}
    (begun,) = translator.take_request({**call, "locations": [{"path": "/tree/a"}], "rawInput": {"content": "x"}})
    assert begun == ToolStarted("t", "Writing to a", "edit", ("/tree/a",))
    end = translator.translate({"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed"})[-1]
    assert isinstance(end, ToolFinished)


def test_output_is_told_at_the_end() -> None:
    assert not QWEN.dialect.is_live
    translator = Translator(QWEN.dialect)
    translator.take_request({"toolCallId": "c", "kind": "execute", "rawInput": {"command": COMMAND}})
    news = {"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed", "content": content(SAID)}
    assert CommandOutput("c", "stdout", "out\nerr") in translator.translate(news)
