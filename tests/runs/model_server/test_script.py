"""Scripts in prompts, and their steps in the words of offered tools."""

from typing import Any

import pytest

from runs.execution.model_server.answers import Asked, answer
from runs.execution.model_server.script import Call, Say, Shell, Usage, Write, read_script
from runs.execution.model_server.tools import Tool, ToolUse, phrase

pytestmark = pytest.mark.plumbing


def tool(name: str, *required: str, **types: Any) -> Tool:
    members = {each: {"type": "string"} for each in required} | types
    return Tool(name, {"type": "object", "properties": members, "required": list(required)})


def asked(prompt: str, *tools: Tool, results: int = 0, everything: str = "") -> Asked:
    return Asked("scripted", False, tools, prompt, results, everything)


BASH = tool("bash", "command", "description")
SCRIPT = "Please.\n@@say First.\n  @@write a b.txt|x|y\r\n@@sh ls -l | wc\n@@say Last.\nThank you"


def test_a_text_without_steps_is_no_script() -> None:
    assert read_script("Write to me@@write.example, or @@shout.") is None


def test_each_result_leads_to_the_next_thing_to_do() -> None:
    script = read_script(SCRIPT)
    assert script is not None
    turns = [script.turn(results) for results in range(3)]
    assert [turn.does for turn in turns] == [Write("a b.txt", "x|y"), Shell("ls -l | wc"), None]
    assert [turn.says for turn in turns] == [(Say("First."),), (), (Say("Last."),)]


def test_more_results_than_steps_end_the_turn() -> None:
    script = read_script("@@sh true")
    assert script is not None
    assert script.turn(7).does is None


def test_the_usage_is_that_of_every_call() -> None:
    script = read_script("@@sh true\n@@usage 90000 12\n@@sh false")
    assert script is not None
    assert (script.usage, script.turn(1).does) == (Usage(90000, 12), Shell("false"))


@pytest.mark.parametrize(
    "line", ["@@slow soon", "@@slow nan", "@@write nothing", "@@usage 1", "@@usage -1 2", "@@call a|b", "@@call a|[]"]
)
def test_a_line_that_cannot_be_followed_is_said(line: str) -> None:
    script = read_script(line)
    assert script is not None
    assert line in script.turn(0).says[0].text


@pytest.mark.parametrize(
    ("offered", "arguments"),
    [
        (tool("write", "filePath", "content"), {"filePath": "/w/a", "content": "A\n"}),
        (tool("Write", "file_path", "content"), {"file_path": "/w/a", "content": "A\n"}),
        (tool("write_file", "path", "content"), {"path": "/w/a", "content": "A\n"}),
        (
            tool("file_editor", "command", "path", security_risk={"type": "string"}, file_text={"type": "string"}),
            {"command": "create", "path": "/w/a", "file_text": "A\n"},
        ),
    ],
    ids=["opencode", "claude", "vibe", "openhands"],
)
def test_a_file_is_written_with_the_tool_for_it(offered: Tool, arguments: dict[str, str]) -> None:
    assert phrase(Write("/w/a", "A"), [BASH, offered]) == ToolUse(offered.name, arguments)


@pytest.mark.parametrize("name", ["note", "notes_note", "mcp__notes__note"])
def test_a_tool_is_called_by_its_name_or_the_end_of_it(name: str) -> None:
    use = phrase(Call("note", {"text": "x"}), [BASH, tool(name, "text")])
    assert use == ToolUse(name, {"text": "x"})


def test_a_tool_that_is_not_offered_is_not_called() -> None:
    assert phrase(Call("note", {}), [BASH]) is None


def test_without_a_tool_to_write_with_the_shell_writes() -> None:
    use = phrase(Write("/w/it's a", "A 'b'"), [tool("exec_command", "cmd")])
    assert use is not None
    assert use.arguments["cmd"].endswith("""printf "%s\\n" 'A '"'"'b'"'"'' > '/w/it'"'"'s a'""")


def test_codex_is_told_to_ask_for_leave() -> None:
    use = phrase(Shell("ls"), [tool("exec_command", "cmd", sandbox_permissions={}, justification={})])
    assert use is not None
    assert use.arguments["sandbox_permissions"] == "require_escalated"


def test_codex_is_not_told_to_ask_where_it_must_not() -> None:
    shell = tool("exec_command", "cmd", sandbox_permissions={}, justification={})
    said = answer(asked("@@sh ls", shell, everything="Approval policy is currently never. Do not ask."))
    assert said.call is not None
    assert said.call.arguments == {"cmd": "ls"}


def test_required_arguments_that_a_script_does_not_name_are_filled_in() -> None:
    offered = tool("terminal", "command", "risk", risk={"type": "string", "enum": ["LOW", "HIGH"]})
    use = phrase(Shell("ls"), [offered])
    assert use == ToolUse("terminal", {"command": "ls", "risk": "LOW"})


def test_a_shell_that_takes_words_gets_words() -> None:
    use = phrase(Shell("ls -l"), [tool("shell", "command", command={"type": "array"})])
    assert use == ToolUse("shell", {"command": ["bash", "-c", "ls -l"]})


def test_without_any_fitting_tool_the_model_says_so() -> None:
    said = answer(asked("@@sh ls", tool("search", "query")))
    assert (said.call, "search" in said.text) == (None, True)


def test_without_tools_a_script_is_not_followed() -> None:
    said = answer(asked("@@sh ls"))
    assert (said.call, said.text) == (None, "No script to follow.")


def test_a_path_is_absolute_where_the_agent_named_its_folder() -> None:
    said = answer(
        asked("@@write a.txt|A", tool("write", "filePath", "content"), everything="Working directory: /w/x\n")
    )
    assert said.call is not None
    assert said.call.arguments["filePath"] == "/w/x/a.txt"


def test_something_slow_takes_its_time_in_pieces() -> None:
    said = answer(asked("@@slow 2", BASH))
    assert (len(said.pieces), said.seconds) == (8, 2.0)
