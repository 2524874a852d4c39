"""Outputs of commands are kept before the rows that name them, up to a bound for each run, and never by halves."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import connection
from rest_framework.test import APIClient

from projects.leases import Lease
from runs.events import LeaseLost
from runs.models import AgentEvent, CommandExecution, Run
from runs.services.outputs import MEBIBYTE, forget_unnamed
from runs.services.recording import CommandEnd, CommandStart, record

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def blobs(tmp_path: Path, settings: Any) -> Path:
    """A storage of the test's own."""
    settings.MEDIA_ROOT = tmp_path / "blobs"
    return tmp_path / "blobs"


@pytest.fixture
def lease(run: Run) -> Lease:
    """The run is an executor's."""
    Run.objects.update(status="running", lease_generation=1)
    return Lease(Run, run.pk, 1)


def ended(name: str, **streams: bytes) -> CommandEnd:
    """A command's end with these outputs."""
    return CommandEnd(name, 0, False, {stream: io.BytesIO(data) for stream, data in streams.items()})


def files(blobs: Path) -> list[bytes]:
    """What is in the storage."""
    return sorted(path.read_bytes() for path in blobs.rglob("*") if path.is_file())


def test_an_output_within_the_bound_is_kept_whole(api: APIClient, run: Run, lease: Lease, blobs: Path) -> None:
    record(run, lease, [CommandStart("1", "make", "/"), ended("1", stdout=b"out", stderr=b"")])
    shown = api.get(f"/api/runs/{run.pk}/commands/{run.commands.get().pk}").json()
    assert (shown["stdoutBytes"], shown["stdoutTruncated"], shown["stderrUrl"]) == (3, False, None)
    assert files(blobs) == [b"out"]


def test_what_is_beyond_the_runs_bound_is_cut_off_and_told(
    api: APIClient, run: Run, lease: Lease, blobs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_RUNS_OUTPUT_MB", "1")
    much = b"x" * (MEBIBYTE - 2)
    record(run, lease, [ended("1", stdout=much), ended("2", stdout=b"abcdef", stderr=b"lost")])
    record(run, lease, [ended("3", stdout=b"later")])
    shown = api.get(f"/api/runs/{run.pk}/commands/{run.commands.get(tool_call_id='2').pk}").json()
    assert (shown["stdoutBytes"], shown["stdoutTruncated"], shown["stdoutUrl"] is None) == (6, True, False)
    assert (shown["stderrBytes"], shown["stderrTruncated"], shown["stderrUrl"]) == (4, True, None)
    assert files(blobs) == [b"ab", much]


def test_the_event_tells_what_was_cut_off_too(run: Run, lease: Lease, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_RUNS_OUTPUT_MB", "0")
    record(run, lease, [ended("1", stdout=b"out")])
    event = json.loads("{" + AgentEvent.objects.get(event_type="command_finished").body)
    assert (event["data"]["stdoutTruncated"], event["data"]["stderrTruncated"]) == (True, False)


def test_what_the_agent_has_left_out_counts_as_put_out(api: APIClient, run: Run, lease: Lease) -> None:
    end = CommandEnd("1", 0, False, {"stdout": io.BytesIO(b"out")}, left_out_bytes={"stdout": 7})
    record(run, lease, [CommandStart("1", "make", "/"), end])
    shown = api.get(f"/api/runs/{run.pk}/commands/{run.commands.get().pk}").json()
    assert (shown["stdoutBytes"], shown["stdoutTruncated"], shown["stderrTruncated"]) == (10, True, False)
    event = json.loads("{" + AgentEvent.objects.get(event_type="command_finished").body)
    assert (event["data"]["stdoutBytes"], event["data"]["stdoutTruncated"]) == (10, True)


def test_nothing_is_kept_for_an_executor_that_has_lost_the_run(run: Run, lease: Lease, blobs: Path) -> None:
    Run.objects.update(lease_generation=2)
    end = ended("1", stdout=b"out")
    for _ in range(2):  # its recorder tries again as it ends
        with pytest.raises(LeaseLost):
            record(run, lease, [end])
    assert (files(blobs), CommandExecution.objects.exists()) == ([], False)


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_an_output_is_copied(
    run: Run, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    save = default_storage.save

    def watched(name: str, content: Any) -> str:
        seen.append(connection.in_atomic_block)
        return str(save(name, content))

    monkeypatch.setattr(default_storage, "save", watched)
    record(run, lease, [ended("1", stdout=b"out")])
    assert seen == [False]


def test_files_that_a_killed_writer_left_go_with_the_pruning(run: Run, lease: Lease, blobs: Path) -> None:
    record(run, lease, [ended("1", stdout=b"named")])
    (blobs / f"runs/{run.pk}/1/left.stdout").write_bytes(b"left")
    forget_unnamed(run)
    assert files(blobs) == [b"named"]
