"""Carries an agent's questions to people and their answers back. The agent goes on only once an answer is committed."""

import asyncio

from asgiref.sync import sync_to_async
from django.utils import timezone

from projects.leases import Lease
from runs.execution.agents.permission import PermissionRequest
from runs.execution.recorder import Recorder
from runs.models import Permission, Run
from runs.services.permissions import ask_permission, expire_overdue, mark_delivered
from runs.services.recording import restart_clock

LOOK_EVERY_SECONDS = 0.1


async def wait_for_answer(permission: Permission) -> None:
    """Returns when the row, which is read anew, is no longer pending: answered, or its time is up."""
    while permission.status == Permission.Status.PENDING:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        await permission.arefresh_from_db()
        if permission.status == Permission.Status.PENDING and timezone.now() >= permission.expires_at:
            await sync_to_async(expire_overdue)(permission)
            await permission.arefresh_from_db()


class Questions:
    """The permission requests of one run."""

    def __init__(self, run: Run, lease: Lease, recorder: Recorder) -> None:
        self._run, self._lease, self._recorder = run, lease, recorder

    async def ask(self, request: PermissionRequest) -> str | None:
        """Writes the question down and waits for its answer: the id of an option. No answer in time: a rejection."""
        await self._recorder.finish()
        permission = await sync_to_async(self._write)(request)
        await wait_for_answer(permission)
        if permission.option_id:
            await sync_to_async(self._close)(permission, request)
            return permission.option_id
        return next((option.option_id for option in request.options if option.kind.startswith("reject")), None)

    def _close(self, permission: Permission, request: PermissionRequest) -> None:
        mark_delivered(permission)
        if permission.status == Permission.Status.ALLOWED:
            restart_clock(self._run, request.tool_call_id)

    def _write(self, request: PermissionRequest) -> Permission:
        options = [
            {"optionId": option.option_id, "name": option.name, "kind": option.kind} for option in request.options
        ]
        return ask_permission(
            self._run,
            self._lease,
            options=options,
            kind=request.kind[:40],
            title=request.text or request.title,
            command=request.command,
            cwd=request.cwd,
            paths=list(request.paths),
        )
