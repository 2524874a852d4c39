"""The client against agents that break the protocol, die, fall silent or flood."""

import asyncio
import json
from typing import Any

import pytest

from runs.execution.agents.client import AgentSession
from runs.execution.agents.errors import AgentFailed, AgentGone
from runs.execution.agents.permission import PermissionRequest
from runs.execution.agents.stderr_tail import TAIL_BYTES, StderrTail
from runs.execution.agents.updates import AgentUpdate, CommandStarted, MessageChunk, Unrecognised
from tests.runs.agents.driver import Driven, Place
from tests.runs.agents.hostile import agent

pytestmark = pytest.mark.plumbing


async def prompted(place: Place, body: str) -> Driven:
    async with place.agent(agent(body)) as driven:
        await driven.session.initialize()
        await driven.session.new_session(str(place.work_tree), None)
        await driven.session.prompt("Hello.")
    return driven


async def failed_prompt(place: Place, body: str) -> AgentFailed:
    with pytest.raises(AgentFailed) as caught:
        await prompted(place, body)
    return caught.value


async def test_a_silent_agent_fails_in_time(place: Place) -> None:
    async with place.agent(agent("time.sleep(1000)"), timeout_seconds=0.5) as driven:
        with pytest.raises(AgentFailed, match=r"did not answer the handshake within 0\.5 seconds"):
            await driven.session.initialize()
        driven.process.kill()


async def test_an_agent_that_opens_no_session_fails_in_time(place: Place) -> None:
    async with place.agent(agent('answer({"protocolVersion": 1}); time.sleep(1000)'), timeout_seconds=3) as driven:
        await driven.session.initialize()
        with pytest.raises(AgentFailed, match="did not answer the new session"):
            await driven.session.new_session(str(place.work_tree), None)
        driven.process.kill()


async def test_an_agent_that_cannot_start_gives_its_last_words(place: Place) -> None:
    async with place.agent(agent('sys.exit("no such model")')) as driven:
        with pytest.raises(AgentGone, match=r"The agent's process ended\. Its last words:\nno such model"):
            await driven.session.initialize()


async def test_an_agent_that_dies_in_a_turn_is_gone(place: Place) -> None:
    error = await failed_prompt(
        place, "shake_hands(); print('boom', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
    )
    assert isinstance(error, AgentGone)
    assert "boom" in error.reason


async def test_a_call_after_the_end_fails_too(place: Place) -> None:
    async with place.agent(agent("shake_hands(); os._exit(1)")) as driven:
        await driven.session.initialize()
        await driven.session.new_session(str(place.work_tree), None)
        for _ in range(2):
            with pytest.raises(AgentGone):
                await driven.session.prompt("Hello.")


@pytest.mark.parametrize("line", ["garbage", "[]", "3", "null", '{"method": 3}', "[" * 100_000])
async def test_a_line_that_is_no_message_breaks_the_protocol(place: Place, line: str) -> None:
    error = await failed_prompt(place, f"shake_hands(); print({line!r}, flush=True); read()")
    assert error.reason == "The agent wrote a line to its output that is no JSON-RPC message."


async def test_bytes_that_are_no_text_break_the_protocol(place: Place) -> None:
    error = await failed_prompt(place, "shake_hands(); os.write(1, b'\\xff\\xfe\\n'); read()")
    assert "no JSON-RPC message" in error.reason


async def test_an_endless_line_breaks_the_protocol(place: Place) -> None:
    error = await failed_prompt(place, "shake_hands()\nwhile True: sys.stdout.write('x' * 1_000_000)")
    assert error.reason == "The agent wrote a line of more than 16 MiB."


async def test_an_empty_line_is_passed_over(place: Place) -> None:
    body = "i = shake_hands(); print(); write({'id': i, 'result': {'stopReason': 'end_turn'}}); flush(); read()"
    await prompted(place, body)


async def test_a_line_of_300_kb_arrives(place: Place) -> None:
    body = (
        "i = shake_hands(); say('x' * 300_000); write({'id': i, 'result': {'stopReason': 'end_turn'}}); flush(); read()"
    )
    assert len((await prompted(place, body)).of(MessageChunk)[0].text) == 300_000


async def test_a_flood_arrives_whole_and_in_order(place: Place) -> None:
    body = """
        i = shake_hands()
        for n in range(10_000):
            say(str(n))
        write({"id": i, "result": {"stopReason": "end_turn"}})
        flush()
        read()
    """
    texts = [message.text for message in (await prompted(place, body)).of(MessageChunk)]
    assert texts == [str(number) for number in range(10_000)]


async def test_a_flood_leaves_time_for_other_tasks(place: Place) -> None:
    body = "shake_hands()\nwhile True: say('x' * 100)"
    async with place.agent(agent(body)) as driven:
        await driven.session.initialize()
        await driven.session.new_session(str(place.work_tree), None)
        prompt = asyncio.create_task(driven.session.prompt("Hello."))
        await driven.seen(MessageChunk)
        async with asyncio.timeout(5):
            await driven.session.cancel()
        driven.process.kill()
        with pytest.raises(AgentGone):
            await prompt


async def test_an_unknown_update_is_passed_on(place: Place) -> None:
    body = """
        i = shake_hands()
        update({"sessionUpdate": "hologram", "depth": 3})
        write({"id": i, "result": {"stopReason": "end_turn"}})
        flush()
        read()
    """
    unknown = (await prompted(place, body)).of(Unrecognised)
    assert unknown == [Unrecognised("hologram", {"sessionUpdate": "hologram", "depth": 3})]


async def test_an_unknown_stop_reason_breaks_the_protocol(place: Place) -> None:
    body = "i = shake_hands(); write({'id': i, 'result': {'stopReason': 'bored'}}); flush(); read()"
    assert "breaks the Agent Client Protocol in: stopReason" in (await failed_prompt(place, body)).reason


async def test_an_error_answer_is_the_reason(place: Place) -> None:
    body = "i = shake_hands(); write({'id': i, 'error': {'code': -32603, 'message': 'Out of money'}}); flush(); read()"
    assert (await failed_prompt(place, body)).reason == "Out of money"


async def test_a_missing_login_names_who_must_act(place: Place) -> None:
    body = "i = shake_hands(); write({'id': i, 'error': {'code': -32000, 'message': 'Log in'}}); flush(); read()"
    assert "an operator must give it one" in (await failed_prompt(place, body)).reason


async def test_another_protocol_version_is_refused(place: Place) -> None:
    async with place.agent(agent('answer({"protocolVersion": 2}); read()')) as driven:
        with pytest.raises(AgentFailed, match="speaks version 2"):
            await driven.session.initialize()


@pytest.mark.parametrize(
    "method", ["fs/read_text_file", "fs/write_text_file", "terminal/create", "_our/own", "nonsense"]
)
async def test_no_other_request_of_an_agent_is_granted(place: Place, method: str) -> None:
    body = f"""
        i = shake_hands()
        write({{"id": 9, "method": {method!r}, "params": {{"sessionId": "s", "path": "/etc/passwd", "content": ""}}}})
        flush()
        say(json.dumps(read()["error"]["code"]))
        write({{"id": i, "result": {{"stopReason": "end_turn"}}}})
        flush()
        read()
    """
    assert (await prompted(place, body)).of(MessageChunk)[0].text == "-32601"


async def test_an_agent_may_begin_with_the_permission_request(place: Place) -> None:
    body = """
        i = shake_hands()
        call = {"toolCallId": "t", "title": "ls", "kind": "execute", "rawInput": {"command": "ls -l"}}
        options = [{"optionId": "yes", "name": "Yes", "kind": "allow_once"}]
        write({"id": 9, "method": "session/request_permission",
               "params": {"sessionId": "s", "toolCall": call, "options": options}})
        flush()
        say(read()["result"]["outcome"]["optionId"])
        write({"id": i, "result": {"stopReason": "end_turn"}})
        flush()
        read()
    """
    driven = await prompted(place, body)
    [began, said] = [update for update in driven.updates if isinstance(update, CommandStarted | MessageChunk)]
    assert began == CommandStarted("t", "ls -l", None)
    assert isinstance(said, MessageChunk)
    assert said.text == "yes"


async def test_cancel_answers_an_open_question(place: Place) -> None:
    body = """
        i = shake_hands()
        options = [{"optionId": "yes", "name": "Yes", "kind": "allow_once"}]
        write({"id": 9, "method": "session/request_permission",
               "params": {"sessionId": "s", "toolCall": {"toolCallId": "t", "title": "x"}, "options": options}})
        flush()
        answers = [read(), read()]
        say(json.dumps([a.get("result") or a["method"] for a in sorted(answers, key=lambda a: "id" in a)]))
        write({"id": i, "result": {"stopReason": "cancelled"}})
        flush()
        read()
    """
    asked = asyncio.Event()

    async def never(request: PermissionRequest) -> str | None:
        asked.set()
        await asyncio.get_running_loop().create_future()
        return None

    updates: list[AgentUpdate] = []
    async with session_with(place, agent(body), updates.append, never) as session:
        prompt = asyncio.create_task(session.prompt("Hello."))
        await asked.wait()
        await session.cancel()
        assert (await prompt).stop_reason == "cancelled"
    texts = [update.text for update in updates if isinstance(update, MessageChunk)]
    assert json.loads(texts[0]) == ["session/cancel", {"outcome": {"outcome": "cancelled"}}]


async def test_a_flooding_agent_that_is_left_can_be_waited_for(place: Place) -> None:
    body = "shake_hands()\nwhile True: print('x' * 1000, flush=True); print('y' * 1000, file=sys.stderr, flush=True)"
    async with place.agent(agent(body)) as driven:
        await driven.session.initialize()
        await driven.session.new_session(str(place.work_tree), None)
        with pytest.raises(AgentFailed):
            await driven.session.prompt("Hello.")
        await driven.session.close()
        driven.process.kill()
        async with asyncio.timeout(5):
            await driven.process.wait()


class OurDefect(Exception):
    """What a callback of the executor might raise."""


async def test_what_the_update_callback_raises_comes_out_of_the_prompt(place: Place) -> None:
    def refuse(update: AgentUpdate) -> None:
        raise OurDefect

    async with session_with(place, agent("shake_hands(); say('x'); flush(); read()"), refuse, None) as session:
        with pytest.raises(OurDefect):
            await session.prompt("Hello.")


async def test_what_the_permission_callback_raises_comes_out_of_the_prompt(place: Place) -> None:
    async def refuse(request: PermissionRequest) -> str | None:
        raise OurDefect

    body = """
        shake_hands()
        write({"id": 9, "method": "session/request_permission",
               "params": {"sessionId": "s", "toolCall": {"toolCallId": "t"}, "options": []}})
        flush()
        read()
        read()
    """
    async with session_with(place, agent(body), lambda update: None, refuse) as session:
        with pytest.raises(OurDefect):
            await session.prompt("Hello.")


async def test_a_slow_reader_holds_the_agent_back(place: Place) -> None:
    gate = asyncio.Event()
    seen: list[AgentUpdate] = []
    has_begun = asyncio.Event()

    async def slow(update: AgentUpdate) -> None:
        seen.append(update)
        has_begun.set()
        await gate.wait()

    body = """
        i = shake_hands()
        for n in range(100):
            say(str(n))
        write({"id": i, "result": {"stopReason": "end_turn"}})
        flush()
        read()
    """
    async with session_with(place, agent(body), slow, None) as session:
        prompt = asyncio.create_task(session.prompt("Hello."))
        await has_begun.wait()
        assert len(seen) == 1
        gate.set()
        await prompt
    assert len(seen) == 100


async def test_much_stderr_does_not_block_and_its_end_is_kept(place: Place) -> None:
    body = """
        i = shake_hands()
        for n in range(100_000):
            print(n, file=sys.stderr)
        write({"id": i, "result": {"stopReason": "end_turn"}})
        flush()
        read()
    """
    driven = await prompted(place, body)
    assert driven.session.stderr_text.endswith("99999\n")
    assert len(driven.session.stderr_text) <= 64 * 1024


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("k" * 900 + "-secret\n" + "why " * 60 + "\n", ("why " * 60).strip()),
        ("k" * 2_000 + " it ended", "it ended"),
        ("k" * 2_000, ""),
        ("short", "short"),
    ],
    ids=["a line", "a word", "nothing", "all"],
)
async def test_last_words_begin_with_a_whole_line_or_word(written: str, told: str) -> None:
    """Half of a secret would not be redacted."""
    reader = asyncio.StreamReader()
    reader.feed_data(written.encode())
    reader.feed_eof()
    assert await StderrTail(reader).last_words() == told


async def test_a_long_tail_begins_with_a_whole_line() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"first-secret\n" + b"x" * (TAIL_BYTES - 5) + b"\n" + b"end\n")
    reader.feed_eof()
    tail = StderrTail(reader)
    await tail.last_words()
    assert tail.text == "end\n"


class session_with:  # noqa: N801
    """A session with callbacks of the test's own, its handshake done."""

    def __init__(self, place: Place, command: tuple[str, ...], on_update: Any, on_permission: Any) -> None:
        self._place = place
        self._agent = place.agent(command)
        self._callbacks = {"on_update": on_update, "on_permission": on_permission}

    async def __aenter__(self) -> AgentSession:
        driven = await self._agent.__aenter__()
        assert driven.process.stdin is not None
        assert driven.process.stdout is not None
        session = AgentSession(driven.process.stdin, driven.process.stdout, **self._callbacks)
        driven.opened = session
        await session.initialize()
        await session.new_session(str(self._place.work_tree), None)
        return session

    async def __aexit__(self, *error: Any) -> None:
        await self._agent.__aexit__(*error)
