"""Permissions, cancelling and coming back after a kill, with the real script agent."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from runs.execution.agents.errors import AgentFailed, AgentGone
from runs.execution.agents.updates import CommandFinished, CommandOutput, CommandStarted, MessageChunk, ToolFinished
from tests.runs.agents.driver import Place, allow_always, block, is_group_running, reject

pytestmark = pytest.mark.plumbing

CHANGES = block("file a.txt", "x\n") + block("append a.txt", "y\n") + block("sh", "true\n") + block("delete a.txt")


async def test_safe_mode_asks_before_every_change_and_command(place: Place) -> None:
    driven = await place.do(CHANGES, "ask")
    assert [request.kind for request in driven.requests] == ["edit", "edit", "execute", "delete"]


async def test_free_mode_asks_nothing(place: Place) -> None:
    assert (await place.do(CHANGES, "auto")).requests == []


async def test_a_request_tells_the_command(place: Place) -> None:
    request = (await place.do(block("sh", "echo hello\n"), "ask")).requests[0]
    assert (request.command, request.cwd, request.title) == ("echo hello", str(place.work_tree), "echo hello")


async def test_a_request_tells_the_paths(place: Place) -> None:
    request = (await place.do(block("file a.txt", "x\n"), "ask")).requests[0]
    assert request.paths == (str(place.work_tree / "a.txt"),)


async def test_a_request_offers_three_answers(place: Place) -> None:
    request = (await place.do(block("file a.txt", "x\n"), "ask")).requests[0]
    assert [option.kind for option in request.options] == ["allow_once", "allow_always", "reject_once"]


async def test_always_is_asked_once_for_each_kind_of_block(place: Place) -> None:
    prompt = block("sh", "true\n") * 2 + block("file a") * 2
    assert [request.kind for request in (await place.do(prompt, "ask", decide=allow_always)).requests] == [
        "execute",
        "edit",
    ]


async def test_a_rejected_change_is_not_made(place: Place) -> None:
    with pytest.raises(AgentFailed, match=r"step 1 \(file, line 1\): it was not allowed"):
        await place.do(block("file a.txt", "x\n"), "ask", decide=reject)
    assert not (place.work_tree / "a.txt").exists()


async def test_a_rejected_command_finishes_as_failed(place: Place) -> None:
    async with place.script("ask", decide=reject) as driven:
        with pytest.raises(AgentFailed):
            await driven.session.prompt(block("sh", "touch here\n"))
    finished = driven.of(CommandFinished)[0]
    assert (finished.status, finished.exit_code, finished.reason) == ("failed", None, "it was not allowed")


async def test_ask_asks_in_free_mode_too(place: Place) -> None:
    driven = await place.do(block("ask", "May I?\nIt is late.\n") + block("file a"))
    assert [(request.title, request.text) for request in driven.requests] == [("May I?", "May I?\nIt is late.")]
    assert (place.work_tree / "a").exists()


async def test_a_rejected_question_fails_the_run(place: Place) -> None:
    with pytest.raises(AgentFailed, match=r"step 1 \(ask, line 1\): it was not allowed"):
        await place.do(block("ask", "May I?\n") + block("file a"), decide=reject)
    assert not (place.work_tree / "a").exists()


async def test_a_cancelled_question_ends_the_turn(place: Place) -> None:
    async with place.script(decide=lambda request: None) as driven:
        outcome = await driven.session.prompt(block("ask", "May I?\n"))
    assert outcome.stop_reason == "cancelled"


async def test_cancel_ends_a_sleeping_command_at_once(place: Place) -> None:
    async with place.script() as driven:
        prompt = asyncio.create_task(driven.session.prompt(block("sh", "echo $$; sleep 1000\n") + block("file after")))
        pid = int((await driven.seen(CommandOutput)).text)
        await driven.session.cancel()
        async with asyncio.timeout(5):
            assert (await prompt).stop_reason == "cancelled"
    assert not is_group_running(pid)
    assert not (place.work_tree / "after").exists()


async def test_cancel_ends_a_sleep(place: Place) -> None:
    async with place.script() as driven:
        prompt = asyncio.create_task(driven.session.prompt("Hello.\n\n" + block("sleep 1000")))
        await driven.seen(MessageChunk)
        await driven.session.cancel()
        async with asyncio.timeout(5):
            assert (await prompt).stop_reason == "cancelled"


async def test_a_cancelled_session_takes_the_next_prompt(place: Place) -> None:
    async with place.script() as driven:
        prompt = asyncio.create_task(driven.session.prompt(block("sh", "sleep 1000\n")))
        await driven.seen(CommandStarted)
        await driven.session.cancel()
        await prompt
        await driven.session.prompt(block("file next"))
    assert (place.work_tree / "next").exists()


async def test_closing_the_input_ends_the_agent_and_its_command(place: Place) -> None:
    async with place.script() as driven:
        prompt = asyncio.create_task(driven.session.prompt(block("sh", "echo $$; sleep 1000\n")))
        pid = int((await driven.seen(CommandOutput)).text)
        await driven.session.close()
        async with asyncio.timeout(5):
            await driven.process.wait()
        with pytest.raises(AgentFailed):
            await prompt
    assert not is_group_running(pid)


async def killed_in_a_turn(place: Place, prompt: str, turn: str | None = None) -> str:
    """Kill the agent with SIGKILL as soon as the command of the prompt has written something; the session's id."""
    async with place.agent() as driven:
        await driven.session.initialize()
        session_id = await driven.session.new_session(str(place.work_tree), "auto")
        task = asyncio.create_task(driven.session.prompt(prompt, turn=turn))
        pid = int((await driven.seen(CommandOutput)).text)
        driven.process.kill()
        with pytest.raises(AgentGone):
            await task
        os.killpg(pid, signal.SIGKILL)
    return session_id


LONG = (
    "Said.\n\n"
    + block("append log", "one\n")
    + block("sh", "echo $$; test -e go || sleep 1000\n")
    + block("append log", "two\n")
)


async def loaded(place: Place, session_id: str, prompt: str, turn: str | None = None) -> list[object]:
    async with place.agent() as driven:
        await driven.session.initialize()
        await driven.session.load_session(session_id, str(place.work_tree), "auto")
        await driven.session.prompt(prompt, turn=turn)
    return list(driven.updates)


async def test_a_killed_agent_goes_on_with_the_first_block_not_finished(place: Place) -> None:
    session_id = await killed_in_a_turn(place, LONG)
    (place.work_tree / "go").touch()
    await loaded(place, session_id, LONG)
    assert (place.work_tree / "log").read_text() == "one\ntwo\n"


async def test_another_prompt_comes_after_the_unfinished_one(place: Place) -> None:
    session_id = await killed_in_a_turn(place, LONG)
    (place.work_tree / "go").touch()
    await loaded(place, session_id, block("append log", "three\n"))
    assert (place.work_tree / "log").read_text() == "one\ntwo\nthree\n"


async def test_a_finished_turn_of_the_same_name_is_not_repeated(place: Place) -> None:
    async with place.agent() as driven:
        await driven.session.initialize()
        session_id = await driven.session.new_session(str(place.work_tree), "auto")
        await driven.session.prompt(block("append log", "one\n"), turn="1")
    await loaded(place, session_id, block("append log", "one\n"), turn="1")
    assert (place.work_tree / "log").read_text() == "one\n"


async def test_a_failed_turn_of_the_same_name_fails_the_same_way(place: Place) -> None:
    async with place.agent() as driven:
        await driven.session.initialize()
        session_id = await driven.session.new_session(str(place.work_tree), "auto")
        with pytest.raises(AgentFailed):
            await driven.session.prompt(block("sh", "exit 3\n"), turn="1")
    with pytest.raises(AgentFailed, match=r"step 1 \(sh, line 1\): exit code 3"):
        await loaded(place, session_id, block("sh", "exit 3\n"), turn="1")


async def test_a_loaded_session_shows_its_history_as_replay(place: Place) -> None:
    session_id = await killed_in_a_turn(place, LONG)
    (place.work_tree / "go").touch()
    updates = await loaded(place, session_id, LONG)
    replayed = [type(update) for update in updates if getattr(update, "is_replay", False)]
    assert replayed[0] is MessageChunk
    assert ToolFinished in replayed


async def test_what_follows_the_load_is_no_replay(place: Place) -> None:
    session_id = await killed_in_a_turn(place, LONG)
    (place.work_tree / "go").touch()
    finished = [update for update in await loaded(place, session_id, LONG) if isinstance(update, CommandFinished)]
    assert [update.is_replay for update in finished] == [False]


async def test_a_half_written_history_line_does_no_harm(place: Place) -> None:
    session_id = await killed_in_a_turn(place, LONG)
    history = place.home / ".script-agent" / session_id / "history.jsonl"
    history.write_bytes(history.read_bytes() + b'{"sessionUpd')
    (place.work_tree / "go").touch()
    await loaded(place, session_id, LONG)
    assert all(json.loads(line) for line in history.read_text().splitlines())


@pytest.mark.parametrize("session_id", ["0" * 32, "../../etc", ""])
async def test_an_unknown_session_is_refused(place: Place, session_id: str) -> None:
    async with place.agent() as driven:
        await driven.session.initialize()
        with pytest.raises(AgentFailed, match="There is no session"):
            await driven.session.load_session(session_id, str(place.work_tree), None)


async def test_an_unknown_mode_is_refused(place: Place) -> None:
    async with place.agent() as driven:
        await driven.session.initialize()
        with pytest.raises(AgentFailed, match="no session mode 'plan'"):
            await driven.session.new_session(str(place.work_tree), "plan")


async def test_a_missing_work_tree_is_refused(place: Place, tmp_path: Path) -> None:
    async with place.agent() as driven:
        await driven.session.initialize()
        with pytest.raises(AgentFailed, match="existing absolute folder"):
            await driven.session.new_session(str(tmp_path / "nothing"), None)


async def test_a_second_prompt_meanwhile_is_refused(place: Place) -> None:
    async with place.script() as driven:
        first = asyncio.create_task(driven.session.prompt(block("sh", "sleep 1000\n")))
        await driven.seen(CommandStarted)
        with pytest.raises(AgentFailed, match="already carrying out a prompt"):
            await driven.session.prompt("Hello.")
        await driven.session.cancel()
        await first
