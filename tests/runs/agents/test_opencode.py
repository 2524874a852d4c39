"""opencode: its configuration, and what it sent (excerpts of a session of 1.18.33) in this server's words."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs.execution.agents.opencode_profile import OPENCODE
from runs.execution.agents.profile import ModelAccess, Setting
from runs.execution.agents.translate import Translator
from runs.execution.agents.updates import AgentUpdate, CommandFinished, CommandOutput, ToolFinished

pytestmark = pytest.mark.plumbing
COMMAND = "echo out; echo err >&2; exit 3"


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    access = ModelAccess("http://127.0.0.1:8317", "the-token", "anthropic", "large/one")
    return Setting("python", None, tmp_path / "home", tmp_path, is_safe=True, access=access)


def config(setting: Setting) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(OPENCODE.environment(setting)["OPENCODE_CONFIG_CONTENT"])
    return read


def translated(*payloads: dict[str, Any]) -> list[AgentUpdate]:
    translator = Translator(OPENCODE.dialect)
    return [update for payload in payloads for update in translator.translate(payload)]


def news(**members: Any) -> dict[str, Any]:
    return {"sessionUpdate": "tool_call_update", "toolCallId": "c", "kind": "execute", "title": COMMAND, **members}


def shown(text: str) -> dict[str, Any]:
    content = [{"type": "content", "content": {"type": "text", "text": text}}]
    return news(status="in_progress", rawInput={"command": COMMAND, "cwd": "/tree"}, content=content)


def test_in_safe_mode_it_asks_before_all_but_looks(setting: Setting) -> None:
    rules = config(setting)["permission"]
    assert (rules["*"], {name for name, rule in rules.items() if rule == "allow"}) == (
        "ask",
        {"read", "glob", "grep", "list", "todoread", "todowrite"},
    )


def test_its_own_agents_have_the_same_rules(setting: Setting) -> None:
    read = config(setting)
    assert all(agent["permission"] == read["permission"] for agent in read["agent"].values())


def test_without_safe_mode_it_asks_for_nothing(setting: Setting) -> None:
    free = replace(setting, is_safe=False)
    assert config(free)["permission"] == {"*": "allow"}
    assert "OPENCODE_DISABLE_PROJECT_CONFIG" not in OPENCODE.environment(free)


@pytest.mark.parametrize(
    ("vendor", "package", "address"),
    [
        ("anthropic", "@ai-sdk/anthropic", "http://127.0.0.1:8317/anthropic/v1"),
        ("openai", "@ai-sdk/openai-compatible", "http://127.0.0.1:8317/openai/v1"),
        ("google", "@ai-sdk/google", "http://127.0.0.1:8317/google/v1beta"),
    ],
)
def test_its_one_model_is_the_runs(setting: Setting, vendor: str, package: str, address: str) -> None:
    assert setting.access is not None
    read = config(replace(setting, access=replace(setting.access, vendor=vendor)))
    provider = read["provider"]["quarterdeck"]
    assert (provider["npm"], provider["options"]) == (package, {"baseURL": address, "apiKey": "the-token"})
    assert (read["model"], read["small_model"], read["enabled_providers"]) == (
        "quarterdeck/large/one",
        "quarterdeck/large/one",
        ["quarterdeck"],
    )


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (".opencode/plugin/evil.js", ""),
        ("opencode.json", '{"plugins": ["./evil.js"]}'),
        (".opencode/opencode.jsonc", '{"\\u0070lugins": ["./evil.js"]}'),
    ],
)
def test_a_repository_with_plugins_is_an_obstacle_in_safe_mode(setting: Setting, path: str, text: str) -> None:
    (setting.work_tree / path).parent.mkdir(parents=True, exist_ok=True)
    (setting.work_tree / path).write_text(text)
    assert "without safe mode, or with another agent" in (OPENCODE.obstacle(setting) or "")
    assert OPENCODE.obstacle(replace(setting, is_safe=False)) is None


def test_a_configuration_behind_a_link_is_an_obstacle(setting: Setting) -> None:
    (setting.work_tree / "opencode.json").symlink_to("/dev/null")
    assert OPENCODE.obstacle(setting) is not None


def test_a_repository_with_other_configuration_is_none(setting: Setting) -> None:
    (setting.work_tree / "opencode.json").write_text('{"permission": "allow"}')
    assert OPENCODE.obstacle(setting) is None


def test_output_that_comes_whole_each_time_is_told_piece_by_piece() -> None:
    updates = translated(shown("out\n"), shown("out\nerr\n"), shown("out\nerr\n"))
    assert [update for update in updates if isinstance(update, CommandOutput)] == [
        CommandOutput("c", "stdout", "out\n"),
        CommandOutput("c", "stdout", "err\n"),
    ]


def test_of_output_whose_beginning_was_cut_off_only_the_new_end_is_told() -> None:
    lines = [f"line {number}\n" for number in range(200)]
    updates = translated(shown("".join(lines[:150])), shown("...\n\n" + "".join(lines[80:])))
    assert updates[-1] == CommandOutput("c", "stdout", "".join(lines[150:]))


def test_a_command_that_ended_has_its_exit_code() -> None:
    output = {"output": "out\nerr\n", "metadata": {"output": "out\nerr\n", "exit": 3, "truncated": False}}
    ended = translated(shown("out\n"), news(status="completed", rawOutput=output))[-1]
    assert isinstance(ended, CommandFinished)
    assert (ended.status, ended.exit_code, ended.stdout, ended.stderr) == ("completed", 3, "out\nerr\n", "")


def test_a_refused_command_has_a_reason_and_no_output() -> None:
    words = "The user rejected permission to use this specific tool call."
    content = [{"type": "content", "content": {"type": "text", "text": words}}]
    ended = translated(news(status="failed", content=content, rawOutput={"error": words}))[-1]
    assert isinstance(ended, CommandFinished)
    assert (ended.reason, ended.stdout, ended.exit_code) == (words, "", None)


def test_a_written_file_is_a_tool() -> None:
    start = {"sessionUpdate": "tool_call", "toolCallId": "t", "title": "write", "kind": "edit", "status": "pending"}
    path, content = "/tree/a", [{"type": "content", "content": {"type": "text", "text": "Wrote file successfully."}}]
    begun = {"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "in_progress", "kind": "edit"}
    ended = {"sessionUpdate": "tool_call_update", "toolCallId": "t", "status": "completed", "title": "a"}
    updates = translated(start, begun | {"locations": [{"path": path}]}, ended | {"content": content})
    assert updates[-1] == ToolFinished("t", "completed", "a", "edit", (path,), "Wrote file successfully.")
