"""Carries an agent's questions to people and their answers back. The agent goes on only once an answer is committed."""

import asyncio
from dataclasses import dataclass

from django.utils import timezone

from projects.leases import Lease
from runs.events import Draft
from runs.execution.agents.permission import PermissionRequest
from runs.execution.brake import Brake
from runs.execution.patience import patiently, written
from runs.execution.recorder import Recorder
from runs.execution.sandbox.running import SandboxedProcess
from runs.models import Permission, Run
from runs.services.permissions import ask_permission, expire_overdue, mark_delivered
from runs.services.recording import restart_clock

LOOK_EVERY_SECONDS = 0.1
ACKNOWLEDGE_SECONDS = 10.0
DEEDS = frozenset({"execute", "edit", "delete", "move", "read", "search", "fetch"})
"""Kinds of tool calls (ACP) that the sandbox bounds. With safe mode off only an agent's other questions are asked."""


@dataclass
class _Unheard:
    """An answer that the agent has shown no sign of having got, and the processes that it had before."""

    permission: Permission
    processes: frozenset[int]
    left_seconds: float


async def wait_for_answer(permission: Permission) -> None:
    """Returns when the row, which is read anew, is no longer pending: answered, or its time is up."""
    while permission.status == Permission.Status.PENDING:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        await patiently(permission.refresh_from_db)
        if permission.status == Permission.Status.PENDING and timezone.now() >= permission.expires_at:
            await written(expire_overdue, permission)
            await patiently(permission.refresh_from_db)


def _as_offered(permission: Permission, request: PermissionRequest) -> str:
    """The agent's own id of the answer: that of the row is redacted."""
    offered = zip(request.options, permission.options, strict=True)
    ids = (option.option_id for option, kept in offered if kept["optionId"] == permission.option_id)
    return next(ids, permission.option_id)


class Questions:
    """The permission requests of one run, asked by one process of its agent."""

    def __init__(self, run: Run, lease: Lease, recorder: Recorder) -> None:
        self._run, self._lease, self._recorder = run, lease, recorder
        self._process: SandboxedProcess | None = None
        self._unheard: list[_Unheard] = []

    async def ask(self, request: PermissionRequest) -> str | None:
        """Writes the question down and waits for its answer: the id of an option. No answer in time: a rejection."""
        self.hear()
        await self._recorder.finish()
        permission = await written(self._write, request)
        await wait_for_answer(permission)
        if permission.option_id:
            await patiently(self._close, permission, request)  # the same again changes nothing
        self._unheard.append(_Unheard(permission, await self._processes(), ACKNOWLEDGE_SECONDS))
        if permission.option_id:
            return _as_offered(permission, request)
        return next((option.option_id for option in request.options if option.kind.startswith("reject")), None)

    def hear(self) -> None:
        """The agent has said something, whatever it is: it goes on."""
        self._unheard.clear()

    async def follow(self, process: SandboxedProcess, brake: Brake) -> None:
        """Tells of an agent that does not go on after an answer, until cancelled. A pause does not count.

        One that says nothing while a command that it has begun since is still running has heard.
        """
        self._process = process
        while True:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            for unheard in () if brake.is_paused else tuple(self._unheard):
                unheard.left_seconds -= LOOK_EVERY_SECONDS
                if unheard.left_seconds <= 0:
                    await self._give_up(unheard)

    async def _give_up(self, unheard: _Unheard) -> None:
        is_at_work = bool(await self._processes() - unheard.processes)
        if unheard not in self._unheard:
            return
        self._unheard.remove(unheard)
        if not is_at_work:
            title, data = unheard.permission.title, {"permissionId": unheard.permission.pk}
            text = f"The agent has not gone on for {ACKNOWLEDGE_SECONDS:g} seconds after the answer to: {title}"
            self._recorder.add(Draft("log", text, "error", data=data))

    async def _processes(self) -> frozenset[int]:
        members = await asyncio.to_thread(self._process.members) if self._process else ()
        return frozenset(member.pid for member in members)

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
            leave="" if self._run.safe_mode or request.kind not in DEEDS else "Safe mode is off.",
            kind=request.kind[:40],
            title=request.text or request.title,
            command=request.command,
            cwd=request.cwd,
            paths=list(request.paths),
        )
