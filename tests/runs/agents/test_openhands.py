"""OpenHands: how it is started, and what it sent (excerpts of a session of 1.16.0) in this server's words."""

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runs.execution.agents.openhands_profile import OPENHANDS
from runs.execution.agents.permission import permission_request
from runs.execution.agents.profile import ModelAccess, Setting
from runs.execution.agents.translate import Translator
from runs.execution.agents.updates import AgentUpdate, CommandFinished, ToolStarted
from tests.runs.agents.acp_shapes import content

pytestmark = pytest.mark.plumbing
ASKED = {"toolCallId": "confirmation-1", "title": "Confirm Agent Actions", "status": "pending", "kind": "other"}


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    access = ModelAccess("http://127.0.0.1:8317", "the-token", "anthropic", "a-model")
    return Setting("python", tmp_path / "agent", tmp_path / "home", tmp_path / "tree", is_safe=True, access=access)


def begun(translator: Translator, tool_call_id: str, command: str) -> list[AgentUpdate]:
    call = {"toolCallId": tool_call_id, "title": f"terminal: {command}", "kind": "execute", "status": "in_progress"}
    return list(translator.translate({**call, "sessionUpdate": "tool_call", "rawInput": {"command": command}}))


def asked(translator: Translator) -> Any:
    assert translator.take_request(ASKED) == ()
    return permission_request({"toolCall": ASKED}, translator.asked_about("confirmation-1"))


@pytest.mark.parametrize(("is_safe", "mode"), [(True, "always-ask"), (False, "always-approve")])
def test_it_is_started_in_the_mode_of_the_run(setting: Setting, is_safe: bool, mode: str) -> None:
    chosen = replace(setting, is_safe=is_safe)
    command = OPENHANDS.command(chosen)
    assert (command[-1], OPENHANDS.mode(is_safe=is_safe)) == (mode, mode)
    assert Path(command[-2]).relative_to(setting.home).as_posix() in OPENHANDS.files(chosen)


def test_its_start_is_a_program_that_nothing_of_the_work_tree_comes_before(setting: Setting) -> None:
    (text,) = OPENHANDS.files(setting).values()
    ast.parse(text)
    assert "-I" in OPENHANDS.command(setting)
    assert "openhands_cli.entrypoint" not in text  # importing it reads the work tree's .env


@pytest.mark.parametrize(
    ("vendor", "address", "model"),
    [
        ("anthropic", "/anthropic", "anthropic/a-model"),
        ("openai", "/openai/v1", "openai/a-model"),
        ("google", "/google/v1beta", "gemini/a-model"),
    ],
)
def test_it_reaches_each_vendors_api_by_the_gateway(setting: Setting, vendor: str, address: str, model: str) -> None:
    assert setting.access is not None
    environment = OPENHANDS.environment(replace(setting, access=replace(setting.access, vendor=vendor)))
    assert environment["LLM_BASE_URL"] == f"http://127.0.0.1:8317{address}"
    assert (environment["LLM_MODEL"], environment["LLM_API_KEY"]) == (model, "the-token")


def test_answers_that_allow_more_than_was_asked_for_are_not_offered() -> None:
    assert OPENHANDS.dialect.withheld == {"allow_always", "risk_based"}


def test_a_request_is_about_the_call_that_has_begun() -> None:
    translator = Translator(OPENHANDS.dialect)
    begun(translator, "c", "rm -r build")
    request = asked(translator)
    assert (request.tool_call_id, request.kind, request.command) == ("c", "execute", "rm -r build")


def test_a_title_is_what_is_done_and_to_which_file_not_the_files_text() -> None:
    translator = Translator(OPENHANDS.dialect)
    given = {"command": "create", "path": "/w/a.txt", "file_text": "x"}
    call = {"toolCallId": "c", "kind": "edit", "status": "in_progress", "rawInput": given}
    (started,) = translator.translate(
        {**call, "sessionUpdate": "tool_call", "title": f"file_editor: {given}: Editing /w/a.txt"}
    )
    assert isinstance(started, ToolStarted)
    assert started.title == "file_editor: create /w/a.txt"


def test_a_request_about_several_calls_tells_them_all() -> None:
    translator = Translator(OPENHANDS.dialect)
    begun(translator, "c", "rm -r build")
    begun(translator, "d", "make")
    request = asked(translator)
    assert (request.kind, request.command, request.title) == ("other", None, "2 actions at once")
    assert request.text == "1. rm -r build\n2. make"


def test_a_long_call_hides_no_other_one_and_shows_none_that_is_not() -> None:
    translator = Translator(OPENHANDS.dialect)
    begun(translator, "c", "true\n2. ls\n" + "#" * 3_000)
    begun(translator, "d", "rm -r build")
    lines = asked(translator).text[:2_000].split("\n")
    assert [line for line in lines if line[:1].isdigit()] == ["1. true", "2. rm -r build"]


def test_that_there_are_more_calls_than_are_shown_is_told_first() -> None:
    translator = Translator(OPENHANDS.dialect)
    for number in range(200):
        begun(translator, str(number), f"make {number} with many words")
    assert asked(translator).text.startswith("200 actions, more than can be shown here:\n1. make 0")


def test_a_call_that_has_ended_is_not_asked_about() -> None:
    translator = Translator(OPENHANDS.dialect)
    begun(translator, "c", "true")
    translator.translate({"sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed"})
    begun(translator, "d", "make")
    assert asked(translator).command == "make"


def test_output_and_exit_code_are_those_of_its_observation() -> None:
    translator = Translator(OPENHANDS.dialect)
    begun(translator, "c", "echo out; (exit 3)")
    observation = {"content": [{"type": "text", "text": "out"}], "exit_code": 3}
    end = {"toolCallId": "c", "status": "completed", "content": content("Tool: terminal\nResult: out\n[…]")}
    updates = translator.translate(
        {**end, "sessionUpdate": "tool_call_update", "rawOutput": {"observation": observation}}
    )
    finished = updates[-1]
    assert isinstance(finished, CommandFinished)
    assert (finished.exit_code, finished.stdout) == (3, "out")


def test_a_refused_command_has_a_reason_and_no_output() -> None:
    translator = Translator(OPENHANDS.dialect)
    begun(translator, "c", "make")
    end = {"toolCallId": "c", "status": "failed", "content": content("User rejected the action."), "rawOutput": {}}
    finished = translator.translate({**end, "sessionUpdate": "tool_call_update"})[-1]
    assert isinstance(finished, CommandFinished)
    assert (finished.reason, finished.stdout, finished.exit_code) == ("User rejected the action.", "", None)
