"""A git process from its start to its certain end: own session, own limits, never a shell's command line.

Only here is git started. Whatever ends this server, and however, ends the git that it has started, and git's children.
"""

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from projects.git.environment import search_path
from projects.git.errors import GitFailed

GRACE_SECONDS = 2.0
"""How long git may clean up its lock files after SIGTERM before SIGKILL."""

MEMORY_BYTES = 4 << 30
"""As much memory as one git process may have of its own: a pack can claim that a small delta unfolds to a terabyte.
Packs that are mapped in do not count."""

_WITH_CHILDREN = frozenset({"fetch", "push", "ls-remote", "repack", "gc"})

# The session's leader: git gets all that we send, its children end with it, and all of them when we are gone. A
# parent's death is told to the direct child alone, which git's own children (ssh, index-pack) are not.
_GUARD = """
ulimit -d "$1"
trap '' XFSZ
[ -z "$2" ] || ulimit -f "$2"
shift 2
all_end() { trap : TERM; kill -TERM 0; (sleep 2; kill -KILL 0) >/dev/null 2>&1 & wait "$git"; kill -KILL 0; }
trap all_end TERM
exec 3<&0
"$@" <&3 3<&- &
git=$!
exec 3<&- </dev/null
wait "$git"
status=$?
trap '' TERM
kill -TERM 0
exit "$status"
"""

# Git itself begins when there is a line to read; where there is none, as we are gone, it never does.
_HELD = 'read -r go && exec "$@"'


def start_git(
    args: Sequence[str],
    variables: Mapping[str, str],
    folder: Path,
    *,
    has_input: bool,
    file_bytes: int | None = None,
    is_brief: bool = False,
    is_held: bool = False,
) -> subprocess.Popen[bytes]:
    """Start `git ARGS` in `folder` with these variables and no others, its streams as unbuffered pipes.

    A fetch writes no file larger than `file_bytes`. One that `is_brief` waits for its input, which ends when we do, and
    then has next to nothing to do: it ends by itself, and needs no program before it that sees to that. One that
    `is_held` begins with the first line of its input: all that comes before git is done by then.

    Raises GitFailed `folder-missing` or `git-missing`. The caller ends it: see `ended_at_exit`.
    """
    command: list[str | bytes] = ["git", *(argument.encode("utf-8", "surrogateescape") for argument in args)]
    prefix = () if is_brief else _dies_with_us()
    if args[0] in _WITH_CHILDREN:
        prefix += _guard(file_bytes)
    elif is_held:
        prefix += ("/bin/sh", "-c", _HELD, "held")
    try:
        process = subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=folder,
            env=variables,
            start_new_session=True,
            umask=0o022,  # agents under another user read the objects, whatever the server's umask
        )
    except FileNotFoundError as error:
        if not folder.is_dir():
            raise GitFailed("The repository or work tree is not there.", code="folder-missing") from error
        raise GitFailed("git is not installed on the server, or not in its PATH.", code="git-missing") from error
    _limit_memory(process.pid)
    return process


@contextlib.contextmanager
def ended_at_exit(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the whole session of the process when the block is left before it has ended by itself."""
    try:
        yield
    finally:
        if process.poll() is None:
            _signal_group(process, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
            _signal_group(process, signal.SIGKILL)
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _limit_memory(pid: int) -> None:
    """From outside: Python code between fork and exec would be unsafe among threads. Only Linux can do it."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError):  # it has ended already, or a lower limit is set for us
            resource.prlimit(pid, resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


@lru_cache(maxsize=1)
def _dies_with_us() -> tuple[str, ...]:
    """A prefix that makes Linux end git when this process is killed, SIGTERM so that git removes its lock files.

    util-linux's setpriv does it after the fork, where Python code (preexec_fn) would be unsafe among threads.
    Without setpriv, and on other systems, git ends at its next write to us instead.
    """
    program = shutil.which("setpriv", path=search_path()) if sys.platform == "linux" else None
    if program is None:
        return ()
    prefix = (program, "--pdeathsig", "TERM", "--")
    tried = subprocess.run([*prefix, "true"], env={"PATH": search_path()}, capture_output=True, check=False)
    return prefix if tried.returncode == 0 else ()


def _guard(file_bytes: int | None) -> tuple[str, ...]:
    """The fixed script above; git's arguments are the script's arguments, never part of its text.

    It sets the limits itself: git may have been forked from it before somebody else could.
    """
    file_blocks = "" if file_bytes is None else str(max(1, file_bytes // 512))
    return ("/bin/sh", "-c", _GUARD, "guard", str(MEMORY_BYTES // 1024), file_blocks)
