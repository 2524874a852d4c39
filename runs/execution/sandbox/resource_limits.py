"""The kernel's per-process limits (setrlimit(2)) for a sandboxed command; RLIMIT_AS is left alone: it breaks Node.

RLIMIT_NPROC counts per uid *and user namespace* (Linux 5.14 and newer), but the limit in force when a namespace is made
counts against everything of that uid outside, other runs included. So it is set last, by a process that is already in
the innermost namespace: there only the run's own processes count. On older kernels runs of one uid share the number.
"""

import resource

from runs.execution.sandbox.spec import Limits

# Too small for any, and the one value for which no handler of the machine's (core_pattern) is started: core(5).
NO_CORE_DUMP = 1


def resource_limits(limits: Limits, own_processes: int = 0) -> dict[str, int]:
    """Name of the limit → value, never above what the server itself may have. What is ours in there is on top."""
    wanted = {
        "RLIMIT_CORE": NO_CORE_DUMP,
        "RLIMIT_FSIZE": limits.file_size_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_NPROC": limits.processes + own_processes,
    }
    return {name: _at_most_ours(name, value) for name, value in wanted.items()}


def _at_most_ours(name: str, value: int) -> int:
    ours = resource.getrlimit(getattr(resource, name))[1]
    return value if ours == resource.RLIM_INFINITY else min(value, ours)
