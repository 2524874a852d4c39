"""Stands for a worker in the attack tests: starts one sandbox as told on stdin (JSON) and answers on stdout (JSON).

A program of its own, so that it can be another user's process, and so that a test can kill it.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from runs.execution.interpreter import interpreter_folders
from runs.execution.sandbox.process import start
from runs.execution.sandbox.running import SandboxedProcess
from runs.execution.sandbox.spec import Bridge, Limits, SandboxSpec, minimal_environment
from runs.execution.sandbox.support import SandboxSupport, probe
from runs.execution.sandbox.watchdog import watch


def spec_of(order: dict[str, Any]) -> SandboxSpec:
    home = Path(order["home"])
    return SandboxSpec(
        work_tree=Path(order["work_tree"]),
        home=home,
        command=(os.path.realpath(sys.executable), "-I", "-c", order["program"], *order["bridges"]),
        environment=minimal_environment(home) | order["environment"],
        read_only=interpreter_folders(),
        limits=Limits(**order["limits"]),
        bridges=tuple(Bridge(int(port), Path(path)) for port, path in order["bridges"].items()),
        shares_network=order["shares_network"],
    )


async def serve(order: dict[str, Any]) -> None:
    support = probe() if order["is_sandboxed"] else SandboxSupport("unavailable", is_root=False, reason="as told")
    spec = spec_of(order)
    print("starting", file=sys.stderr, flush=True)  # noqa: T201
    async with await start(spec, support, allow_unsandboxed=not order["is_sandboxed"]) as process:
        if order["holds"]:
            await hold(process)
        watching = asyncio.create_task(watch(process, spec, interval_seconds=0.1))
        stdout, stderr, code = await asyncio.gather(process.stdout.read(), process.stderr.read(), process.wait())
        excess = await watching
        answer = {
            "code": code,
            "stdout": stdout.decode(),
            "stderr": stderr.decode(),
            "excess": excess and [excess.kind, excess.limit, excess.seen],
            "left": [member.pid for member in process.members()],
        }
        print(json.dumps(answer), flush=True)  # noqa: T201


async def hold(process: SandboxedProcess) -> None:
    """Say who runs once the agent has said its first line, then wait to be killed."""
    line = await process.stdout.readline()
    members = [[one.pid, one.create_time()] for one in process.members()]
    print(json.dumps({"line": line.decode(), "members": members, "pid": os.getpid()}), flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.stdin.readline())))
