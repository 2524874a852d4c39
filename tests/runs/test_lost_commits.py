"""A connection to PostgreSQL that is lost at the COMMIT itself: what was written is there once, with its files."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection

from config import one_commit
from config.one_commit import OutcomeUnknown
from projects.leases import Lease
from runs.execution.executor import execute
from runs.execution.patience import written_here
from runs.execution.recorder import Recorder
from runs.models import ModelCall, Run, RunAttempt
from runs.redaction import Redactor
from runs.services.metering import SettledCall, record_calls
from runs.services.recording import CommandEnd, CommandStart, record
from tests.conftest import QueueRun
from tests.runs.commit_proxy import CommitProxy, before_postgres
from tests.runs.test_carried_through import told
from tests.runs.test_recorder import claimed
from tests.runs.test_recorder_flood import events

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("sqlite3" in connection.settings_dict["ENGINE"], reason="SQLite answers a COMMIT by itself"),
]
ENDS = pytest.mark.parametrize("cut_at", ["after", "before", "later"])
CALL = SettledCall("openai", "scripted", 1000, 10, 0, 0, None, is_estimate=False)


@pytest.fixture
def proxy(transactional_db: None) -> Iterator[CommitProxy]:
    with before_postgres() as proxy:
        yield proxy


@pytest.fixture
def blobs(settings: Any, tmp_path: Path) -> Path:
    """Where outputs are kept."""
    settings.MEDIA_ROOT = tmp_path / "blobs"
    return tmp_path / "blobs"


def files_in(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


def write_command(run: Run, lease: Lease, home: Path, proxy: CommitProxy, cut_at: str) -> None:
    """By a recorder, which loses its connection at the command's end."""

    async def write() -> None:
        recorder = Recorder(run, lease, home, lambda: None, redactor=Redactor({}))
        recorder.add(CommandStart("1", "make", "/"))
        await recorder.flush()
        recorder.add(CommandEnd("1", 0, has_failed=False, outputs={"stdout": BytesIO(b"made")}))
        proxy.cut_at = cut_at
        try:
            await recorder.flush()
        finally:
            proxy.is_away = False
            await recorder.close()  # as a sitting does, however it ends

    async_to_sync(write)()


@ENDS
def test_what_a_command_put_out_is_kept_once(
    run: Run, tmp_path: Path, blobs: Path, proxy: CommitProxy, cut_at: str
) -> None:
    write_command(run, claimed(run), tmp_path, proxy, cut_at)
    command = run.commands.get()
    assert proxy.cuts == 1
    assert (command.status, files_in(blobs)) == ("finished", [b"made"])
    assert Path(command.stdout.path).read_bytes() == b"made"
    assert [kind for kind, _ in events(run)] == ["command_started", "command_finished"]


def test_a_file_that_nobody_can_tell_of_is_left_and_nothing_is_written_twice(
    run: Run, tmp_path: Path, blobs: Path, proxy: CommitProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_commit, "ASK_SECONDS", 0.0)
    with pytest.raises(OutcomeUnknown):
        write_command(run, claimed(run), tmp_path, proxy, "for good")
    assert files_in(blobs) == [b"made"]
    assert Path(run.commands.get().stdout.path).read_bytes() == b"made"
    assert [kind for kind, _ in events(run)] == ["command_started", "command_finished"]


def test_what_was_not_committed_is_told_and_leaves_no_file(run: Run, blobs: Path, proxy: CommitProxy) -> None:
    lease, end = claimed(run), CommandEnd("1", 0, has_failed=False, outputs={"stdout": BytesIO(b"made")})
    proxy.cut_at = "before"
    with pytest.raises(OperationalError):
        record(run, lease, [end])
    assert (events(run), files_in(blobs)) == ([], [])
    record(run, lease, [end])
    assert files_in(blobs) == [b"made"]


@ENDS
def test_a_call_is_counted_once(run: Run, proxy: CommitProxy, cut_at: str) -> None:
    lease, attempt = claimed(run), RunAttempt.objects.create(run=run, number=1, branch="b", base_commit="0" * 40)
    proxy.cut_at = cut_at
    written_here(record_calls, attempt, lease, [CALL], is_told=True)
    attempt.refresh_from_db()
    assert (proxy.cuts, ModelCall.objects.count(), attempt.input_tokens) == (1, 1, 1000)
    assert [kind for kind, _ in events(run)] == ["usage_updated"]


def test_a_run_that_loses_the_answer_to_each_of_its_commits_is_as_any_other(
    queue_run: QueueRun, proxy: CommitProxy
) -> None:
    plain, run = (queue_run("```sh\necho one\necho two >> new.txt\n```") for _ in range(2))
    execute(plain.pk)
    proxy.cut_at, proxy.cuts_all = "after", True
    execute(run.pk)
    proxy.cut_at = None
    run.refresh_from_db()
    assert (run.status, run.error) == ("completed", None)
    assert told(run) == told(plain)
    assert proxy.cuts > 5
