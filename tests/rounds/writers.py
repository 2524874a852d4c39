"""A writer's life, in a process of its own. It tells of each batch once it is sure of it, and dies where it is told to.

`executor` and `api` write as the server's own writers do: by the same functions, from other processes at the same time.
"""

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from config.api.owners import owner_id
from projects import leases
from projects.leases import Lease
from projects.models import Project
from runs.events import Draft, LeaseLost, append, append_for_project
from runs.models import Run, WorkerProcess
from runs.services.lifecycle import complete_run, move
from runs.workers.recovery import recover_the_dead


class RolledBackOnPurpose(Exception):
    """What a writer's own transaction ends with, after it has appended."""


class Death:
    """kill -9 at a statement of the database, or after a commit."""

    def __init__(self, kill: dict[str, Any] | None) -> None:
        self.at: str = kill["at"] if kill else ""
        self.left: int = kill["number"] if kill else 0

    def __call__(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        self.meet("before")
        result = execute(sql, *arguments)
        self.meet("after")
        return result

    def meet(self, at: str) -> None:
        """Dies if it is time."""
        if at == self.at:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def write(arguments: dict[str, Any], answer: int) -> None:
    """Writes the batches; each line of the answer is a batch that is in the table now (or was rolled back)."""
    run = Run.objects.get(pk=arguments["run"])
    death = Death(arguments["kill"])
    with connection.execute_wrapper(death):
        lease = _claim(run) if arguments["role"] == "executor" else None
        for batch in arguments["batches"]:
            try:
                outcome = _append(run, batch, lease, for_project=arguments["role"] == "project")
            except LeaseLost:
                os.write(answer, json.dumps({"lost": batch["number"]}).encode() + b"\n")
                return
            death.meet("commit")
            os.write(answer, json.dumps({outcome: batch["number"]}).encode() + b"\n")
            time.sleep(batch["rest_ms"] / 1000)
        if lease is not None:
            with suppress(LeaseLost):  # paused meanwhile
                complete_run(run, lease)
    os.write(answer, b'{"done": 0}\n')


def _claim(run: Run) -> Lease | None:
    """As the executor does. Where another one has the run this one writes as the API does: without a lease."""
    WorkerProcess.objects.create(name=owner_id(), queue="runs", last_seen_at=timezone.now())
    lease = leases.claim(Run.objects.filter(status=Run.Status.QUEUED), run.pk)
    if lease is not None:
        move(run, "claim", lease=lease, message="The run has started.", started_at=timezone.now())
    return lease


def _append(run: Run, batch: dict[str, Any], lease: Lease | None, *, for_project: bool) -> str:
    drafts = [_draft(event, token) for event, token in zip(batch["events"], batch["tokens"], strict=True)]
    try:
        if batch["hold_ms"] or not batch["is_kept"]:
            with transaction.atomic():
                half = len(drafts) // 2
                _write(run, drafts[:half], lease, for_project)
                time.sleep(batch["hold_ms"] / 2000)
                _write(run, drafts[half:], lease, for_project)
                time.sleep(batch["hold_ms"] / 2000)
                if not batch["is_kept"]:
                    raise RolledBackOnPurpose
        else:
            _write(run, drafts, lease, for_project)
    except RolledBackOnPurpose:
        return "rolled back"
    return "committed"


def _write(run: Run, drafts: list[Draft], lease: Lease | None, for_project: bool) -> None:
    if not for_project:
        append(run, drafts, lease=lease)
        return
    for draft in drafts:
        append_for_project(Project.objects.get(pk=run.project_id), draft)


def _draft(event: dict[str, Any], token: str) -> Draft:
    text = ("ä\n" * event["length"])[: event["length"]]
    return Draft(event["kind"], text, event["severity"], event["path"], {"token": token})


def recover(arguments: dict[str, Any], answer: int) -> None:
    """Looks after the dead once, as any worker does every few seconds."""
    os.write(answer, json.dumps(recover_the_dead()).encode())
