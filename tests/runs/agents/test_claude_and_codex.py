"""Claude Code and Codex: what they are started with, and what they said on the wire (recorded from the pinned ones)."""

import json
import os
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from runs.execution.agents.claude_profile import CLAUDE
from runs.execution.agents.codex_profile import CODEX
from runs.execution.agents.dialect import Dialect
from runs.execution.agents.profile import AgentProfile, ModelAccess, Setting
from runs.execution.agents.translate import Translator
from runs.execution.agents.updates import AgentUpdate, CommandFinished, CommandOutput, ToolFinished, ToolStarted
from tests.runs.agents.driver import SETTING

pytestmark = pytest.mark.plumbing
WIRE = Path(__file__).parent / "wire"
ACCESS = ModelAccess("http://127.0.0.1:8317", "run-token", "anthropic", 'odd "model"')
SAFE = replace(SETTING, access=ACCESS)
FREE = replace(SAFE, is_safe=False)


def told(name: str, dialect: Dialect) -> list[AgentUpdate]:
    """What the recorded updates and requests come to."""
    return list(_told(name, Translator(dialect)))


def _told(name: str, translator: Translator) -> Iterator[AgentUpdate]:
    for line in (WIRE / name).read_text().splitlines():
        message = json.loads(line)
        if "update" in message:
            yield from translator.translate(message["update"])
        elif "request" in message:
            yield from translator.take_request(message["request"])


def commands(updates: list[AgentUpdate]) -> list[CommandFinished]:
    return [update for update in updates if isinstance(update, CommandFinished)]


def test_claudes_commands_have_their_output_and_exit_code() -> None:
    ended = [(each.exit_code, each.stdout) for each in commands(told("claude.jsonl", CLAUDE.dialect))]
    assert ended[:2] == [(0, "out\nerr"), (4, "out")]


def test_a_command_that_claude_was_refused_tells_why_and_has_no_output() -> None:
    updates = told("claude.jsonl", CLAUDE.dialect)
    last = commands(updates)[-1]
    assert (last.exit_code, last.stdout, last.reason) == (None, "", "User refused permission to run tool")
    assert not [each for each in updates if isinstance(each, CommandOutput) and each.tool_call_id == last.tool_call_id]


def test_claudes_tools_are_told_once_what_they_do_is_known() -> None:
    updates = told("claude.jsonl", CLAUDE.dialect)
    started = [update for update in updates if isinstance(update, ToolStarted)]
    assert [each.title for each in started] == ["Write hello.txt"]
    assert [each.status for each in updates if isinstance(each, ToolFinished)] == ["completed"]


def test_an_exit_code_that_claude_only_says_is_read() -> None:
    translator = Translator(CLAUDE.dialect)
    call = {"toolCallId": "1", "kind": "execute", "rawInput": {"command": "x"}}
    translator.translate({**call, "sessionUpdate": "tool_call"})
    delta = {"terminal_output_delta": {"data": "Exit code 7\nno"}}
    translator.translate({"sessionUpdate": "tool_call_update", "toolCallId": "1", "_meta": delta})
    ended = translator.translate({"sessionUpdate": "tool_call_update", "toolCallId": "1", "status": "failed"})
    assert [(each.exit_code, each.stdout) for each in commands(list(ended))] == [(7, "no")]


def test_codex_tells_output_while_a_command_runs() -> None:
    pieces = [each.text for each in told("codex.jsonl", CODEX.dialect) if isinstance(each, CommandOutput)]
    assert pieces[:2] == ["2\n", "3\n"]


def test_a_tool_of_an_mcp_server_is_no_command_of_codex() -> None:
    raw = {"server": "notes", "tool": "note", "arguments": {"text": "first"}}
    call = {"sessionUpdate": "tool_call", "toolCallId": "c", "kind": "execute", "title": "mcp.notes.note"}
    begun = {**call, "status": "in_progress", "rawInput": raw, "_meta": {"is_mcp_tool_call": True}}
    output = {"result": {"content": [{"type": "text", "text": "kept: first"}]}, "error": None}
    end = {"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed", "rawOutput": output}
    translator = Translator(CODEX.dialect)
    updates = [*translator.translate(begun)]
    updates += translator.take_request({"toolCallId": "c", "kind": "execute", "status": "pending"})
    updates += translator.translate(end)
    [started] = [each for each in updates if isinstance(each, ToolStarted)]
    [finished] = [each for each in updates if isinstance(each, ToolFinished)]
    assert (len(updates), started.kind, started.title) == (2, "other", "mcp.notes.note")
    assert (finished.status, finished.text) == ("completed", "kept: first")


def test_codex_commands_have_their_exit_codes_and_name_their_whole_outputs() -> None:
    ended = commands(told("codex.jsonl", CODEX.dialect))
    assert [each.exit_code for each in ended] == [0, 4, None]
    assert ended[0].stdout_file == f".codex/outputs/{ended[0].tool_call_id}.stdout"
    assert ended[-1].stdout_file is None


def test_no_output_file_is_named_after_a_path() -> None:
    payload = {"toolCallId": "../../x", "_meta": {"terminal_exit": {"exit_code": 0}}}
    translator = Translator(CODEX.dialect)
    translator.translate({**payload, "sessionUpdate": "tool_call", "kind": "execute", "title": "x"})
    (ended,) = commands(
        list(translator.translate({**payload, "sessionUpdate": "tool_call_update", "status": "completed"}))
    )
    assert ended.stdout_file is None


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
@pytest.mark.parametrize(
    ("command", "outputs"),
    [("echo out; echo err >&2; exit 3", ("out\n", "err\n", 3)), ("sleep 60 & echo on", ("on\n", "", 0))],
)
def test_codexs_shell_keeps_both_streams_and_the_exit_code(
    tmp_path: Path, command: str, outputs: tuple[str, str, int]
) -> None:
    (tmp_path / "split").write_text(CODEX.files(FREE)[".codex/split_shell"])
    own = {"HOME": str(tmp_path), "BASH_ENV": str(tmp_path / "split"), "CODEX_TOOL_CALL_ID": "call_1"}
    process = subprocess.Popen(
        ["/bin/bash", "-c", command],
        env={"PATH": os.defpath, **own},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    exit_code = process.wait(10)
    kept = [(tmp_path / f".codex/outputs/call_1.{stream}").read_text() for stream in ("stdout", "stderr")]
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    assert (*kept, exit_code) == outputs


def test_safe_mode_of_claude_is_a_policy_that_no_repository_undoes() -> None:
    options = CLAUDE.session_meta(SAFE)["claudeCode"]["options"]
    assert {"Bash", "Write", "Edit"} <= set(options["managedSettings"]["permissions"]["ask"])
    assert (options["managedSettings"]["disableAllHooks"], options["strictMcpConfig"]) == (True, True)
    assert json.loads(CLAUDE.files(SAFE)[".claude/settings.json"]) == options["managedSettings"]


def test_without_safe_mode_nothing_asks() -> None:
    assert "managedSettings" not in CLAUDE.session_meta(FREE)["claudeCode"]["options"]
    assert (CLAUDE.mode(is_safe=False), CODEX.mode(is_safe=False)) == ("bypassPermissions", "agent-full-access")


def test_safe_mode_of_codex_reads_only_and_tells_it_to_ask() -> None:
    assert CODEX.environment(SAFE)["INITIAL_AGENT_MODE"] == CODEX.mode(is_safe=True) == "read-only"
    assert "require_escalated" in tomllib.loads(CODEX.files(SAFE)[".codex/config.toml"])["developer_instructions"]
    assert "developer_instructions" not in CODEX.files(FREE)[".codex/config.toml"]


def test_claude_reaches_its_model_by_the_gateway() -> None:
    environment = CLAUDE.environment(FREE)
    assert environment["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:8317/anthropic"
    assert (environment["ANTHROPIC_API_KEY"], environment["ANTHROPIC_MODEL"]) == ("run-token", 'odd "model"')


def test_codex_reaches_its_model_by_the_gateway() -> None:
    config = tomllib.loads(CODEX.files(FREE)[".codex/config.toml"])
    provider = config["model_providers"][config["model_provider"]]
    assert (config["model"], provider["base_url"]) == ('odd "model"', "http://127.0.0.1:8317/openai/v1")
    assert CODEX.environment(FREE)[provider["env_key"]] == "run-token"


@pytest.mark.parametrize("profile", [CLAUDE, CODEX], ids=lambda profile: profile.key)
def test_no_token_is_in_a_file_or_an_argument(profile: AgentProfile) -> None:
    setting: Setting = replace(FREE, installation=Path("/home/agents/x/1"))
    assert "run-token" not in json.dumps([dict(profile.files(setting)), profile.command(setting)])
