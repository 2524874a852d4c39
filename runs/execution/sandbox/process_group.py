"""The fallback without a sandbox: a session of its own with limits, for machines whose operator accepted that.

It confines nothing: the command reads and writes whatever the server's user can. On Linux the command itself dies with
the thread that started it; a process that it detached lives on when the *server* is killed.
"""

import os

from runs.execution.sandbox.command import confine_command
from runs.execution.sandbox.errors import SandboxFailed, SandboxUnavailable
from runs.execution.sandbox.resource_limits import resource_limits
from runs.execution.sandbox.running import SandboxedProcess, spawn
from runs.execution.sandbox.spec import SandboxSpec
from runs.execution.sandbox.support import SandboxSupport
from runs.execution.sandbox.tree import GroupTree, find


async def start_process_group(
    spec: SandboxSpec, support: SandboxSupport, *, allow_unsandboxed: bool
) -> SandboxedProcess:
    """Start the command unconfined. Raises SandboxUnavailable unless the operator allowed it."""
    if not allow_unsandboxed:
        raise SandboxUnavailable(support.reason)
    try:
        pipes = await spawn(_command(spec), spec.environment, str(spec.work_tree), ())
    except OSError as error:
        raise SandboxFailed(f"The command could not be started: {error}") from error
    leader = find(pipes.transport.get_pid())
    if leader is None:
        raise SandboxFailed("The command ended before it could be watched.")
    return SandboxedProcess(pipes, GroupTree(leader), is_sandboxed=False)


def _command(spec: SandboxSpec) -> tuple[str, ...]:
    limits = resource_limits(spec.limits)
    # It counts everything of the server's own user here: their desktop would already be above it.
    del limits["RLIMIT_NPROC"]
    bridges = [(bridge.port, str(bridge.socket)) for bridge in spec.bridges]
    wishes: dict[str, object] = {"limits": limits, "parent_pid": os.getpid(), "bridges": bridges}
    return (*confine_command(spec, wishes), *spec.command)
