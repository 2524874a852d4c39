"""The script agent's prompt, row by row of its contract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.execution.agents.script.blocks import (
    AppendFile,
    ApplyPatch,
    Ask,
    DeleteFile,
    Plan,
    Say,
    Shell,
    Sleep,
    Step,
    WriteFile,
)
from runs.execution.agents.script.prompt import PromptError, parse_prompt

pytestmark = pytest.mark.plumbing


@pytest.mark.parametrize(
    ("prompt", "step"),
    [
        ("```sh\nmake\n```", Shell(1, "make\n")),
        ("```sh timeout=2.5\nmake\n```", Shell(1, "make\n", timeout_seconds=2.5)),
        ("```sh allow-fail\nmake\n```", Shell(1, "make\n", is_failure_allowed=True)),
        ("```sh allow-fail timeout=3\nmake\n```", Shell(1, "make\n", 3.0, is_failure_allowed=True)),
        ("```\tsh\ttimeout=3\nmake\n```", Shell(1, "make\n", 3.0)),
        ("```sh\n```", Shell(1, "")),
        ("~~~~sh\n```\n~~~~", Shell(1, "```\n")),
        ("```file a.txt\nhello\n```", WriteFile(1, "a.txt", "hello\n")),
        ("```file my notes/a b.txt\nhello\n\n```", WriteFile(1, "my notes/a b.txt", "hello\n\n")),
        ("```file a&amp;b\n```", WriteFile(1, "a&b", "")),
        ("```append log.txt\nmore\n```", AppendFile(1, "log.txt", "more\n")),
        ("```delete old file.txt\n```", DeleteFile(1, "old file.txt")),
        ("```patch\n--- a\n+++ b\n```", ApplyPatch(1, "--- a\n+++ b\n")),
        ("```ask\nMay I?\nReally?\n```", Ask(1, "May I?\nReally?")),
        ("```plan\nfirst\n\n  second\n```", Plan(1, ("first", "second"))),
        ("```sleep 0.5\n```", Sleep(1, 0.5)),
        ("Say this.", Say(1, "Say this.")),
        ("```python\nprint()\n```", Say(1, "```python\nprint()\n```")),
        ("```shell\nmake\n```", Say(1, "```shell\nmake\n```")),
        ("    indented", Say(1, "    indented")),
        ("> quoted\n> text", Say(1, "> quoted\n> text")),
        ("```sh\r\nmake\r\n```", Shell(1, "make\n")),
    ],
)
def test_a_block_becomes_its_step(prompt: str, step: Step) -> None:
    assert parse_prompt(prompt) == (step,)


def test_steps_keep_the_order_and_lines_of_the_prompt() -> None:
    steps = parse_prompt("Hello\nthere\n\n```sh\na\n```\n# Title\n\n```sleep 1\n```\n")
    assert steps == (Say(1, "Hello\nthere"), Shell(4, "a\n"), Say(7, "# Title"), Sleep(9, 1.0))


def test_a_block_in_a_list_acts() -> None:
    assert parse_prompt("1. First\n\n   ```sh\n   make\n   ```\n") == (Say(1, "First"), Shell(3, "make\n"))


def test_an_unclosed_block_reaches_to_the_end() -> None:
    assert parse_prompt("```sh\nmake\n") == (Shell(1, "make\n"),)


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ("```sh verbose\n```", "no option 'verbose'"),
        ("```sh timeout=\n```", "timeout takes a number"),
        ("```sh timeout=soon\n```", "timeout takes a number"),
        ("```sh timeout=-1\n```", "timeout takes a number"),
        ("```sh timeout=nan\n```", "timeout takes a number"),
        ("```sh timeout=٣\n```", "timeout takes a number"),
        ("```sh timeout=0\n```", "more than 0"),
        ("```sh timeout=86401\n```", "up to 86400"),
        ("```file\nhello\n```", "file needs a path"),
        ("```append\nhello\n```", "append needs a path"),
        ("```delete\n```", "delete needs a path"),
        ("```patch -p1\n```", "patch takes no options"),
        ("```ask now\nMay I?\n```", "ask takes no options"),
        ("```ask\n\n```", "ask needs a question"),
        ("```plan loose\n```", "plan takes no options"),
        ("```sleep\n```", "sleep needs a number"),
        ("```sleep long\n```", "sleep takes a number"),
    ],
)
def test_a_wrong_block_is_refused_with_its_line(block: str, problem: str) -> None:
    with pytest.raises(PromptError, match=f"line 3: .*{problem}"):
        parse_prompt("Hello.\n\n" + block)


WORDS = st.sampled_from(
    ["```", "~~~", "sh", "file", "plan", "sleep", "timeout=", "a/b", "\n", " ", "- ", "> ", "\r", "\t"]
)


@given(st.one_of(st.text(), st.lists(st.one_of(WORDS, st.text(max_size=3))).map("".join)))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    last_line = text.count("\n") + text.count("\r") + 1
    assert all(1 <= line <= last_line for line in lines_of(text))


def lines_of(text: str) -> list[int]:
    try:
        return [step.line for step in parse_prompt(text)]
    except PromptError as error:
        return [error.line]


def test_a_lone_surrogate_does_no_harm() -> None:
    assert parse_prompt("```file a\n\ud800\n```") == (WriteFile(1, "a", "?\n"),)
