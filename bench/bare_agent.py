"""The least that drives an agent over ACP: no sandbox, no record, every question allowed. Runs are held against it."""

import asyncio
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LINE_BYTES = 16 * 1024 * 1024
TOLD = frozenset({"agent_message_chunk", "agent_thought_chunk", "plan", "tool_call", "tool_call_update"})
TURN_SECONDS = 120.0


@dataclass
class Bare:
    """One process of an agent."""

    process: asyncio.subprocess.Process
    first_told_at: float = 0.0
    calls: int = 0
    answers: dict[int, Any] = field(default_factory=dict)

    async def call(self, method: str, **params: Any) -> Any:
        """One request, and all that comes until its answer."""
        self.calls += 1
        self._write({"id": self.calls, "method": method, "params": params})
        while self.calls not in self.answers:
            line = await self._stdout.readline()
            if not line:
                raise RuntimeError(f"the agent ended before it had answered {method}")
            self._take(json.loads(line))
        return self.answers[self.calls]

    def _take(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params") or {}
        if method is None:
            self.answers[message["id"]] = message.get("result")
        elif method == "session/update" and params["update"]["sessionUpdate"] in TOLD:
            self.first_told_at = self.first_told_at or time.monotonic()
        elif method == "session/request_permission":
            chosen = next(each["optionId"] for each in params["options"] if each["kind"].startswith("allow"))
            self._write({"id": message["id"], "result": {"outcome": {"outcome": "selected", "optionId": chosen}}})
        elif "id" in message:
            self._write({"id": message["id"], "error": {"code": -32601, "message": "no such method"}})

    def _write(self, message: dict[str, Any]) -> None:
        if self.process.stdin is None:
            raise RuntimeError("the agent has no stdin")
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    @property
    def _stdout(self) -> asyncio.StreamReader:
        if self.process.stdout is None:
            raise RuntimeError("the agent has no stdout")
        return self.process.stdout


async def bare_run(
    command: Sequence[str], environment: Mapping[str, str], tree: Path, mode: str | None, prompt: str
) -> tuple[float, float]:
    """Seconds from the start of the process to the first thing that it tells of its turn, and to the turn's end."""
    begun_at = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, limit=LINE_BYTES, start_new_session=True,
    )  # fmt: skip
    agent = Bare(process)
    try:
        async with asyncio.timeout(TURN_SECONDS):
            await agent.call("initialize", protocolVersion=1, clientCapabilities={})
            session = await agent.call("session/new", cwd=str(tree), mcpServers=[])
            if mode and (session.get("modes") or {}).get("currentModeId") != mode:
                await agent.call("session/set_mode", sessionId=session["sessionId"], modeId=mode)
            content = [{"type": "text", "text": prompt}]
            await agent.call("session/prompt", sessionId=session["sessionId"], prompt=content)
        return agent.first_told_at - begun_at, time.monotonic() - begun_at
    finally:
        process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  (asyncio offers no other way)
