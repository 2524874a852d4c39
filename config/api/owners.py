"""Names a process among all that ever ran, so that what a dead one held can be told from what is being worked on."""

import os
import socket
from functools import cache

import psutil


@cache
def _describe(pid: int) -> str:
    return f"{socket.gethostname()[:30]}:{pid}:{int(psutil.Process(pid).create_time() * 100)}"


def owner_id() -> str:
    """This process: host, pid and time of birth."""
    return _describe(os.getpid())


def is_owner_gone(owner: str) -> bool | None:
    """Whether the process that an owner id names is dead; None when it lives on another host and cannot be asked."""
    host, pid, _ = owner.rsplit(":", 2)
    if host != socket.gethostname()[:30]:
        return None
    try:
        return _describe.__wrapped__(int(pid)) != owner or psutil.Process(int(pid)).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
