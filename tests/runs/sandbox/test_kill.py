"""Ending, stopping and measuring a sandbox, and the fallback without one: same interface, same promises if possible."""

import asyncio
import json
import os
import signal
import subprocess

import psutil
import pytest

from runs.execution.sandbox.errors import SandboxUnavailable
from runs.execution.sandbox.orphans import end_orphans
from runs.execution.sandbox.process import start
from runs.execution.sandbox.running import SandboxedProcess
from runs.execution.sandbox.spec import Limits
from runs.execution.sandbox.support import SandboxSupport, probe
from runs.execution.sandbox.watchdog import watch
from tests.processes import alive, status
from tests.runs.sandbox.making import Maker
from tests.runs.sandbox.test_attack_processes import become_true, is_live
from tests.runs.sandbox.worker import worker_of

pytestmark = pytest.mark.plumbing

NONE = SandboxSupport("unavailable", is_root=False, reason="Agents cannot be sandboxed: ask your operator.")
DETACHED = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    os.write(1, b"up\\n")
time.sleep(600)
"""
# The child of posix_spawn(3), which uses vfork(2), opens a pipe that nobody writes to before its program begins.
IN_VFORK = """
import os
os.mkfifo("never")
print("up", flush=True)
os.posix_spawn("/bin/true", ["true"], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, "never", os.O_RDONLY, 0)])
"""
COUNTING = "import time\nwhile True: print('tick', flush=True); time.sleep(0.01)"


@pytest.fixture(params=["bubblewrap", "process group"])
def holding(request: pytest.FixtureRequest) -> SandboxSupport:
    found = probe() if request.param == "bubblewrap" else NONE
    if request.param == "bubblewrap" and not found.is_available:
        pytest.skip(found.reason)
    return found


async def begin(make: Maker, program: str, holding: SandboxSupport, **members: Limits) -> SandboxedProcess:
    return await start(make.python(program, **members), holding, allow_unsandboxed=True)


async def test_kill_ends_a_detached_process_too(make: Maker, holding: SandboxSupport) -> None:
    async with await begin(make, DETACHED, holding) as process:
        await process.stdout.readline()
        members = process.members()
        await process.kill()

        assert len(members) >= 2
        assert alive(members) == []
        assert process.return_code == 137


async def test_kill_can_be_repeated(make: Maker, holding: SandboxSupport) -> None:
    async with await begin(make, DETACHED, holding) as process:
        await process.kill()
        await process.kill()

        assert process.members() == []


async def test_kill_does_not_wait_for_output_that_nobody_reads(make: Maker, holding: SandboxSupport) -> None:
    flood = "import os\nwhile True: os.write(1, b'x' * 65536)"
    async with await begin(make, flood, holding) as process:
        await process.stdout.readexactly(1)
        await asyncio.wait_for(process.kill(), 3)

        assert process.members() == []


async def test_leaving_the_context_by_an_error_kills(make: Maker, holding: SandboxSupport) -> None:
    with pytest.raises(ZeroDivisionError):
        async with await begin(make, DETACHED, holding) as process:
            raise ZeroDivisionError

    assert process.members() == []


async def test_what_was_said_before_a_kill_can_still_be_read(make: Maker, holding: SandboxSupport) -> None:
    program = "import sys, time; print('ready\\nlast words', flush=True); time.sleep(600)"
    async with await begin(make, program, holding) as process:
        await process.stdout.readline()
        await process.kill()

        assert await process.stdout.read() == b"last words\n"


async def test_wait_leaves_no_process_of_the_command(make: Maker, holding: SandboxSupport) -> None:
    program = "import os, time\nif os.fork() == 0: time.sleep(600)\nos._exit(3)"
    async with await begin(make, program, holding) as process:
        assert await process.wait() == 3
        assert process.members() == []


async def test_a_suspended_tree_does_nothing_until_resumed(make: Maker, holding: SandboxSupport) -> None:
    async with await begin(make, COUNTING, holding) as process:
        await process.stdout.readline()
        await process.suspend()
        stopped = process.members()
        assert {one.status() for one in stopped} == {psutil.STATUS_STOPPED}

        await process.resume()
        assert [one.pid for one in stopped if one.status() == psutil.STATUS_STOPPED] == []
        # More than can have waited in the pipe: it counts again.
        for _ in range(50):
            assert await process.stdout.readline() == b"tick\n"


async def test_a_parent_that_cannot_stop_before_its_child_begins_holds_nobody_up(
    make: Maker, holding: SandboxSupport
) -> None:
    async with await begin(make, IN_VFORK, holding) as process:
        await process.stdout.readline()
        assert become_true(lambda: psutil.STATUS_DISK_SLEEP in map(status, process.members()))
        await asyncio.wait_for(process.suspend(), 30)

        assert {one.status() for one in process.members()} == {psutil.STATUS_STOPPED, psutil.STATUS_DISK_SLEEP}


async def test_a_suspended_tree_can_be_killed(make: Maker, holding: SandboxSupport) -> None:
    async with await begin(make, COUNTING, holding) as process:
        await process.suspend()
        await process.kill()

        assert process.members() == []


async def test_memory_of_the_tree_is_measured(make: Maker, holding: SandboxSupport) -> None:
    size = 64 * 1024**2
    async with await begin(
        make, f"import time; x = b'x' * {size}; print(1, flush=True); time.sleep(600)", holding
    ) as it:
        await it.stdout.readline()

        assert size < it.memory_bytes() < 2 * size


async def test_the_watchdog_ends_quietly_with_the_command(make: Maker, holding: SandboxSupport) -> None:
    spec = make.shell("exit 0")
    async with await start(spec, holding, allow_unsandboxed=True) as process:
        assert await watch(process, spec, interval_seconds=0.05) is None


async def test_the_watchdog_bounds_processes_where_the_kernel_does_not(make: Maker) -> None:
    crowd = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 600 & done; wait"
    spec = make.shell(crowd, limits=Limits(processes=5))
    async with await start(spec, NONE, allow_unsandboxed=True) as process:
        excess = await watch(process, spec, interval_seconds=0.05)

        assert excess is not None
        assert (excess.kind, excess.limit, process.members()) == ("processes", 5, [])
        assert str(excess) == f"The agent was stopped: it ran {excess.seen} processes and threads, 5 are allowed."


async def test_cancelling_the_watchdog_leaves_the_command_alone(make: Maker, holding: SandboxSupport) -> None:
    spec = make.python(COUNTING)
    async with await start(spec, holding, allow_unsandboxed=True) as process:
        watching = asyncio.create_task(watch(process, spec, interval_seconds=0.01))
        await process.stdout.readline()
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

        assert process.return_code is None


async def test_without_a_sandbox_nothing_starts_unless_allowed(make: Maker) -> None:
    with pytest.raises(SandboxUnavailable, match="ask your operator"):
        await start(make.shell("touch ran"), NONE)

    assert not (make.work_tree / "ran").exists()


async def test_the_fallback_says_that_it_is_no_sandbox(make: Maker, holding: SandboxSupport) -> None:
    async with await begin(make, "pass", holding) as process:
        assert process.is_sandboxed == (holding.kind == "bubblewrap")


async def test_the_fallback_starts_in_the_work_tree_with_the_given_environment(make: Maker) -> None:
    spec = make("/bin/sh", "-c", "pwd; exec env", environment={"ONE": "1"})
    async with await start(spec, NONE, allow_unsandboxed=True) as process:
        first, *others = (await process.stdout.read()).decode().splitlines()

    assert first == str(make.work_tree)
    assert {line for line in others if not line.startswith(("PWD=", "OLDPWD=", "_=", "SHLVL="))} == {"ONE=1"}


def has_started(marker: str) -> bool:
    return any(marker in (one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"]))


@pytest.mark.parametrize("ticks", [1, 2, 3, 5, 8, 13])
async def test_a_start_cancelled_at_any_moment_leaves_nothing(make: Maker, holding: SandboxSupport, ticks: int) -> None:
    spec = make("/bin/sleep", "600", str(make.work_tree))
    starting = asyncio.create_task(start(spec, holding, allow_unsandboxed=True))
    for _ in range(ticks):
        await asyncio.sleep(0)
    if starting.cancel():
        with pytest.raises(asyncio.CancelledError):
            await starting
    else:
        await starting.result().__aexit__(None, None, None)

    assert not has_started(str(make.work_tree))


async def test_a_sandbox_that_lost_its_bubblewrap_is_ended_and_no_other(make: Maker, support: SandboxSupport) -> None:
    options = ("--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "--chdir", str(make.work_tree))
    held = await start(make.shell("sleep 600"), support)
    async with held, await begin(make, COUNTING, support) as other:
        lost = psutil.Popen((str(support.bwrap), *options, "/bin/sh", "-c", "sleep 600"), stdout=subprocess.PIPE)
        with lost:
            assert await asyncio.to_thread(become_true, lambda: len(lost.children(recursive=True)) >= 2)
            left = lost.children(recursive=True)
            lost.kill()
        assert [one.pid for one in left if is_live(one.pid, one.create_time())] == [one.pid for one in left]

        assert end_orphans(make.work_tree.parent / "elsewhere") == ()
        assert end_orphans(make.work_tree.parent) == (left[0].pid,)
        assert await asyncio.to_thread(become_true, lambda: not any(one.is_running() for one in left))
        assert (held.return_code, other.return_code) == (None, None)


def test_the_fallbacks_command_dies_with_its_worker() -> None:
    with (
        worker_of(os.geteuid()) as worker,
        worker.started(
            "import time; print('up', flush=True); time.sleep(600)", holds=True, is_sandboxed=False
        ) as server,
    ):
        assert server.stdout
        report = json.loads(server.stdout.readline())
        os.kill(report["pid"], signal.SIGKILL)

        assert become_true(lambda: not any(is_live(*member) for member in report["members"]))
