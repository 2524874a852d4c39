"""The last step in front of a command: builds the bridges, sets limits, closes system calls, then becomes the command.

Stands in for ``setpriv`` too, where a machine lacks that.

Run by path (``python -I -S confine.py '{"is_lc_ctype_given": false, …}' command …``) inside a sandbox or before an
unsandboxed agent; standard library only. It refuses to go on when any step fails: nothing runs half confined.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import sys
from types import ModuleType

NOT_STARTED = 127  # as shells say it
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38


def _prctl(option: int, value: int) -> int:
    return int(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0))


def _drop_to(uid: int, gid: int) -> None:
    """Become another user for good: no groups, no capability, none to be had again (capabilities(7))."""
    capability = 0
    while _prctl(PR_CAPBSET_DROP, capability) == 0:
        capability += 1
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability == 0 or _prctl(PR_SET_NO_NEW_PRIVS, 1):
        raise OSError("the kernel refused to drop the capabilities")


def _die_with(parent_pid: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        raise OSError("the process that started this one is already gone")


def _ours(name: str) -> ModuleType:
    """A module that lies beside this one. The folder is searched last: it hides nothing of Python's."""
    folder = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120  (pathlib would cost every start)
    if folder not in sys.path:
        sys.path.append(folder)
    return importlib.import_module(name)


def _restore_signals() -> None:
    """A command begins as in a shell: ``yes | head`` ends quietly, and Ctrl-C ends what does not care.

    Python ignores two signals itself; others are ignored in all that a script has started with ``&`` or ``nohup``,
    a server among them, and every command would inherit that.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)


def main(arguments: list[str]) -> None:
    """Do what the first argument (JSON) asks, then exec the rest."""
    wishes = json.loads(arguments[0])
    if not wishes["is_lc_ctype_given"]:
        # Python itself puts it in where the locale is C (PEP 538).
        os.environ.pop("LC_CTYPE", None)
    if wishes.get("bridges"):  # before any limit: what the command may have is not shared with them
        _ours("bridge").build(wishes["bridges"])
    for name, value in wishes.get("limits", {}).items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if "user" in wishes:
        _drop_to(*wishes["user"])
    if "parent_pid" in wishes:
        _die_with(wishes["parent_pid"])
    if "is_sandboxed" in wishes:
        _ours("closed_calls").close_calls()
    _restore_signals()
    try:
        os.execvp(arguments[1], arguments[1:])  # noqa: S606  (no shell is wanted)
    except OSError as error:
        sys.stderr.write(f"{arguments[1]} could not be started: {error.strerror}\n")
        sys.exit(NOT_STARTED)


if __name__ == "__main__":
    main(sys.argv[1:])
