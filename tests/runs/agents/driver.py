"""Runs an agent process for a test and keeps what it does, in order."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil

from runs.execution.agents.client import AgentSession
from runs.execution.agents.permission import PermissionRequest
from runs.execution.agents.profile import Setting
from runs.execution.agents.registry import PROFILES
from runs.execution.agents.updates import AgentUpdate

Update = TypeVar("Update", bound=AgentUpdate)
Decide = Callable[[PermissionRequest], str | None]
SETTING = Setting(sys.executable, None, Path("/home/agent"), Path("/home/agent/tree"), is_safe=True, access=None)
SCRIPT_COMMAND = PROFILES["script"].command(SETTING)


def allow_once(request: PermissionRequest) -> str:
    return next(option.option_id for option in request.options if option.kind == "allow_once")


def allow_always(request: PermissionRequest) -> str:
    return next(option.option_id for option in request.options if option.kind == "allow_always")


def reject(request: PermissionRequest) -> str:
    return next(option.option_id for option in request.options if option.kind == "reject_once")


@dataclass(slots=True)
class Driven:
    """One agent process with its session, and what it did and asked."""

    process: asyncio.subprocess.Process
    updates: list[AgentUpdate] = field(default_factory=list)
    requests: list[PermissionRequest] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    opened: AgentSession | None = None

    @property
    def session(self) -> AgentSession:
        assert self.opened is not None
        return self.opened

    def note(self, update: AgentUpdate) -> None:
        self.updates.append(update)
        self.changed.set()

    def of(self, kind: type[Update]) -> list[Update]:
        return [update for update in self.updates if isinstance(update, kind)]

    async def seen(self, kind: type[Update]) -> Update:
        """Wait for the first update of that kind."""
        async with asyncio.timeout(20):
            while not self.of(kind):
                self.changed.clear()
                await self.changed.wait()
        return self.of(kind)[0]


@dataclass(frozen=True, slots=True)
class Place:
    """A work tree and a run home."""

    work_tree: Path
    home: Path

    @asynccontextmanager
    async def agent(
        self, command: Sequence[str] = SCRIPT_COMMAND, *, decide: Decide = allow_once, timeout_seconds: float = 20.0
    ) -> AsyncIterator[Driven]:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.work_tree,
            env={"HOME": str(self.home), "PATH": os.environ["PATH"]},
        )
        driven = Driven(process)
        assert process.stdin is not None
        assert process.stdout is not None

        async def on_permission(request: PermissionRequest) -> str | None:
            driven.requests.append(request)
            return decide(request)

        driven.opened = AgentSession(
            process.stdin,
            process.stdout,
            stderr=process.stderr,
            on_update=driven.note,
            on_permission=on_permission,
            initialize_timeout_seconds=timeout_seconds,
            session_timeout_seconds=timeout_seconds,
        )
        try:
            yield driven
        finally:
            await driven.session.close()
            await ended(process)

    @asynccontextmanager
    async def script(self, mode: str = "auto", *, decide: Decide = allow_once) -> AsyncIterator[Driven]:
        """The script agent with a session."""
        async with self.agent(decide=decide) as driven:
            await driven.session.initialize()
            await driven.session.new_session(str(self.work_tree), mode)
            yield driven

    async def do(self, prompt: str, mode: str = "auto", *, decide: Decide = allow_once) -> Driven:
        """One prompt to the script agent, to its end."""
        async with self.script(mode, decide=decide) as driven:
            await driven.session.prompt(prompt)
        return driven


async def ended(process: asyncio.subprocess.Process) -> None:
    """The process ends by itself once its input is closed, or is killed after a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(3):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
    process._transport.close()  # type: ignore[attr-defined]


def is_group_running(group: int) -> bool:
    """Whether a process of the group runs still; the killed children of a killed parent may wait to be reaped."""
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def block(info: str, content: str = "") -> str:
    return f"```{info}\n{content}```\n\n"
