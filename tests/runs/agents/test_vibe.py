"""Mistral Vibe: its settings, and what it sent (excerpts of a session of 3.0.2) in this server's words."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs.execution.agents.profile import ModelAccess, Setting
from runs.execution.agents.translate import Translator
from runs.execution.agents.updates import AgentUpdate, CommandFinished, CommandOutput, UserMessageChunk
from runs.execution.agents.vibe_profile import VIBE
from tests.runs.agents.acp_shapes import content

pytestmark = pytest.mark.plumbing
COMMAND = "echo out; echo err >&2; exit 3"


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    access = ModelAccess("http://127.0.0.1:8317", "the-token", "openai", 'odd "model"')
    return Setting("python", None, tmp_path / "home", tmp_path / 'odd "tree"', is_safe=True, access=access)


def toml(setting: Setting, name: str) -> dict[str, Any]:
    return tomllib.loads(VIBE.files(setting)[f".vibe/{name}.toml"])


def told(**end: Any) -> list[AgentUpdate]:
    """What a command with that end comes to."""
    translator = Translator(VIBE.dialect)
    call = {"toolCallId": "c", "title": f"bash: {COMMAND}", "kind": "execute", "rawInput": {"command": COMMAND}}
    begun = translator.translate({**call, "sessionUpdate": "tool_call", "status": "in_progress"})
    news = {"sessionUpdate": "tool_call_update", "toolCallId": "c", "kind": "execute", **end}
    return [*begun, *translator.translate(news)]


def test_in_safe_mode_no_command_and_no_file_needs_no_asking(setting: Setting) -> None:
    environment = VIBE.environment(setting)
    tools = json.loads(environment["VIBE_TOOLS"])
    assert {"bash", "write_file", "edit"} <= set(tools)
    assert all(tool == {"permission": "ask", "allowlist": []} for tool in tools.values())
    assert environment["VIBE_BYPASS_TOOL_PERMISSIONS"] == "false"
    assert (toml(setting, "config")["default_agent"], VIBE.mode(is_safe=True)) == ("ask", "ask")


def test_in_safe_mode_the_work_tree_is_no_trusted_folder(setting: Setting) -> None:
    assert toml(setting, "trusted_folders") == {"trusted": [], "untrusted": [str(setting.work_tree)]}


def test_its_always_is_not_offered(setting: Setting) -> None:
    assert VIBE.dialect.withheld == {"allow_always"}


def test_without_safe_mode_nothing_asks(setting: Setting) -> None:
    free = replace(setting, is_safe=False)
    assert "VIBE_TOOLS" not in VIBE.environment(free)
    assert toml(free, "config")["default_agent"] == VIBE.mode(is_safe=False) == "auto-approve"


def test_it_reaches_its_model_by_the_gateway_and_no_file_has_the_token(setting: Setting) -> None:
    config = toml(setting, "config")
    (provider,), (model,) = config["providers"], config["models"]
    assert provider["api_base"] == "http://127.0.0.1:8317/openai/v1"
    assert (config["active_model"], model["name"]) == ('odd "model"', 'odd "model"')
    assert VIBE.environment(setting)[provider["api_key_env_var"]] == "the-token"
    assert "the-token" not in json.dumps([dict(VIBE.files(setting)), VIBE.command(setting)])


def test_both_streams_are_told_and_the_files_of_its_shell() -> None:
    output = {"stdout": "out\n", "stderr": "err\n", "output": "", "truncated": False}
    updates = told(status="completed", content=content("out\nerr\n"), rawOutput=output)
    end = updates[-1]
    assert isinstance(end, CommandFinished)
    assert (end.stdout, end.stderr, end.exit_code, end.reason) == ("out\n", "err\n", None, "")
    assert end.exit_code_file is not None
    assert CommandOutput("c", "stdout", "out\n") in updates


def test_a_refused_command_has_a_reason_and_no_output() -> None:
    words = "Tool execution denied by approval callback"
    updates = told(status="failed", content=content(words), rawOutput={"message": words})
    end = updates[-1]
    assert isinstance(end, CommandFinished)
    assert (end.reason, end.stdout, end.stdout_file) == (words, "", None)
    assert not [update for update in updates if isinstance(update, CommandOutput)]


def test_a_prompt_that_it_says_back_is_no_message_but_in_a_replay() -> None:
    echo = {"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": "x"}, "messageId": "m"}
    translator = Translator(VIBE.dialect)
    assert translator.translate(echo) == ()
    assert translator.translate(echo, is_replay=True) == (UserMessageChunk("m", "x", is_replay=True),)
