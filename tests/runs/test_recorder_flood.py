"""A flooding agent, a database that is locked meanwhile, questions: what the recorder writes is whole and in order."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import OperationalError, connection, connections, transaction
from django.db.models import Model

from accounts.models import User
from projects.leases import Lease
from runs.events import MAX_MESSAGE_CHARACTERS, Draft
from runs.execution.agents.permission import PermissionOption, PermissionRequest
from runs.execution.agents.updates import CommandFinished, CommandOutput, CommandStarted, MessageChunk, ToolStarted
from runs.execution.questions import Questions
from runs.execution.recorder import MAX_WAITING, MAX_WAITING_CHARACTERS, Recorder
from runs.models import CommandExecution, Permission, Run
from runs.redaction import Redactor
from runs.services.permissions import decide_permission
from runs.services.recording import record
from tests.runs.test_recorder import claimed, said, tool

MEBIBYTE = 1024 * 1024
QUESTION = PermissionRequest(
    tool_call_id="2",
    kind="other",
    title="Go on?",
    command=None,
    cwd=None,
    paths=(),
    text="",
    options=(PermissionOption("yes", "Yes", "allow_once"),),
)


def recorder_of(run: Run, lease: Lease, home: Path) -> Recorder:
    return Recorder(run, lease, home, lambda: None, redactor=Redactor({}))


def events(run: Run) -> list[tuple[str, dict[str, Any]]]:
    """Type and public JSON of the run's events but its moves, in order."""
    rows = run.events.exclude(event_type__startswith="run_").order_by("id")
    return [(row.event_type, json.loads("{" + row.body)) for row in rows]


def finished(stdout: str = "", stdout_file: str | None = None) -> CommandFinished:
    return CommandFinished(
        tool_call_id="1",
        status="completed",
        exit_code=0,
        stdout=stdout,
        stderr="",
        stdout_file=stdout_file,
        stderr_file=None,
        reason="",
    )


@contextmanager
def locked(row: Model) -> Iterator[threading.Event]:
    """Somebody else is at the row (on SQLite: writes to the database) until the event is set."""
    is_locked, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                type(row)._default_manager.select_for_update().get(pk=row.pk)
                is_locked.set()
                is_over.wait(30)
        finally:
            connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert is_locked.wait(30)
        yield is_over
    finally:
        is_over.set()
        holder.join()


@pytest.fixture
def impatient() -> Iterator[None]:
    """A connection that gives a lock up at once."""
    close_pool: Any = getattr(connection, "close_pool", None)  # PostgreSQL's
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '20ms'" if close_pool else "PRAGMA busy_timeout = 20")
    yield
    connection.close()
    if close_pool:
        close_pool()  # it would lend the connection on as it is


@pytest.mark.django_db(transaction=True)
def test_what_an_agent_did_before_its_question_is_in_the_log_before_the_question(
    run: Run, user: User, tmp_path: Path
) -> None:
    lease = claimed(run)

    async def ask() -> str | None:
        recorder = recorder_of(run, lease, tmp_path)
        recorder.take(CommandStarted(tool_call_id="1", command="make", cwd=None))
        for text in ("one", "two"):  # the second one would wait for the next part
            recorder.take(CommandOutput(tool_call_id="1", stream="stdout", text=text))
        recorder.take(MessageChunk(message_id="m", text="May I?"))
        asking = asyncio.create_task(Questions(run, lease, recorder).ask(QUESTION))
        while (question := await Permission.objects.afirst()) is None:  # noqa: ASYNC110 - a row has no event
            await asyncio.sleep(0.01)
        await sync_to_async(decide_permission)(question, "yes", actor=user)
        return await asking

    assert async_to_sync(ask)() == "yes"
    types = [event_type for event_type, _ in events(run)]
    assert types[:5] == ["command_started", "command_output", "command_output", "agent_message", "permission_requested"]


@pytest.mark.django_db(transaction=True)
def test_a_flooding_agent_is_held_back_while_the_database_is_locked_and_loses_nothing(run: Run, tmp_path: Path) -> None:
    lease = claimed(run)
    titles = [str(number) for number in range(MAX_WAITING + 500)]

    async def flood() -> int:
        recorder, taken = recorder_of(run, lease, tmp_path), 0
        with locked(run) as is_over:
            holding_back = None
            while holding_back is None:
                holding_back = recorder.take(tool(titles[taken]))
                taken += 1
            await asyncio.sleep(0.05)
            assert not holding_back.done()
            is_over.set()
            await holding_back
        for title in titles[taken:]:
            recorder.take(tool(title))
        await recorder.finish()
        return taken

    assert async_to_sync(flood)() == MAX_WAITING + 1
    assert said(run) == titles


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("impatient")
def test_a_batch_that_the_database_refused_is_tried_again_and_written_once(run: Run, tmp_path: Path) -> None:
    lease = claimed(run)

    async def write() -> None:
        recorder = recorder_of(run, lease, tmp_path)
        recorder.take(tool("once"))
        with locked(run) as is_over:
            with pytest.raises(OperationalError):
                await sync_to_async(record)(run, lease, [Draft("log")])
            writing = asyncio.create_task(recorder.flush())
            await asyncio.sleep(0.1)
            assert not writing.done()
            is_over.set()
            await writing
        await recorder.finish()

    async_to_sync(write)()
    assert [event_type for event_type, _ in events(run)] == ["tool_started"]


@pytest.mark.django_db(transaction=True)
def test_a_few_large_updates_hold_the_agent_back_as_many_small_ones_do(run: Run, tmp_path: Path) -> None:
    lease = claimed(run)

    async def flood() -> None:
        recorder, taken = recorder_of(run, lease, tmp_path), 0
        while (holding_back := recorder.take(finished("x" * MEBIBYTE))) is None:
            taken += MEBIBYTE
            assert taken <= MAX_WAITING_CHARACTERS
        await holding_back

    async_to_sync(flood)()


@pytest.mark.django_db(transaction=True)
def test_output_that_waits_is_told_before_what_comes_after_it(run: Run, tmp_path: Path) -> None:
    lease = claimed(run)

    async def tell() -> None:
        recorder = recorder_of(run, lease, tmp_path)
        for text in ("one", "two"):
            recorder.take(CommandOutput(tool_call_id="1", stream="stdout", text=text))
        recorder.take(ToolStarted(tool_call_id="2", title="Look", kind="read", paths=()))
        await recorder.finish()

    async_to_sync(tell)()
    assert [(kind, event["data"].get("text")) for kind, event in events(run)] == [
        ("command_output", "one"),
        ("command_output", "two"),
        ("tool_started", None),
    ]


@pytest.mark.once
@pytest.mark.django_db(transaction=True)
def test_a_hundred_megabytes_are_kept_whole_and_told_in_bounds_with_little_memory(
    run: Run, tmp_path: Path, settings: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path / "blobs"
    lease, home = claimed(run), tmp_path / "home"
    home.mkdir()
    piece = "a line of the output of a command\n" * 1_000
    count = 100 * MEBIBYTE // len(piece)
    size, process = count * len(piece), psutil.Process()
    peaks = []

    async def flood() -> None:
        recorder = recorder_of(run, lease, home)
        writing = asyncio.create_task(recorder.run())
        with (home / "out").open("w") as file:
            for number in range(count):
                file.write(piece)
                holding_back = recorder.take(CommandOutput(tool_call_id="1", stream="stdout", text=piece))
                if holding_back is not None:
                    await holding_back
                if number % 50 == 0:
                    await asyncio.sleep(0)
                    peaks.append(process.memory_info().rss)
        recorder.take(finished(stdout_file=str(home / "out")))
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await recorder.close()
        peaks.append(process.memory_info().rss)

    before = process.memory_info().rss
    async_to_sync(flood)()

    parts = [event["data"] for kind, event in events(run) if kind == "command_output"]
    assert sum(len(part["text"]) + part.get("leftOutBytes", 0) for part in parts) == size
    assert max(len(part["text"]) for part in parts) <= MAX_MESSAGE_CHARACTERS
    assert len(parts) < 80
    command = CommandExecution.objects.get()
    assert (command.stdout_bytes, command.stdout_kept_bytes) == (size, size)
    assert max(peaks) - before < 32 * MEBIBYTE
