"""Locks of what lies on disk: a repository's refs, a work tree at rest. Who takes both takes the work tree's first.

On one machine they are files that the kernel frees at any death. With PostgreSQL the workers may be on several: there
the repository's is a lease row too, looked at again before every change of a ref.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from django.db import connection
from django.db.models.functions import Now

from config.api.owners import is_owner_gone
from config.one_commit import one_commit
from projects import leases
from projects.git.errors import LockLost
from projects.leases import Lease
from projects.models import Project, RepositoryLease, Workspace

_LOOK_EVERY_SECONDS = 0.05
_held_leases: ContextVar[dict[int, Lease]] = ContextVar("held_leases", default={})  # noqa: B039 - never changed


class LockNotFree(Exception):
    """Somebody else held the lock for longer than the caller would wait."""


@contextmanager
def repository_lock(project: Project, *, wait_seconds: float | None = None) -> Iterator[None]:
    """One process at a time changes the refs of a repository. LockNotFree after `wait_seconds`, if given."""
    deadline = None if wait_seconds is None else time.monotonic() + wait_seconds
    with _held(project.folder, "repository.lock", wait_seconds):
        if connection.vendor == "sqlite":
            yield
            return
        with _leased(project, deadline):
            yield


def require_repository_lock(project: Project) -> None:
    """Before a ref changes: LockLost where this caller does not hold the repository, or not any more."""
    if connection.vendor == "sqlite":
        return
    lease = _held_leases.get().get(project.pk)
    if lease is None or not lease.held().filter(lease_expires_at__gt=Now()).exists():
        raise LockLost("Another worker has taken the repository over: nothing was changed. Try again.")


@contextmanager
def rest_lock(workspace: Workspace, *, wait_seconds: float | None = None) -> Iterator[None]:
    """Held by who reads or restores a work tree at rest, having seen in it that the run is; and by a run's executor.

    The executor lends it while a pause holds its agent still. So nobody reads a tree by path while an agent moves.
    """
    with _held(workspace.folder, "rest.lock", wait_seconds):
        yield


@contextmanager
def push_lock(workspace: Workspace) -> Iterator[None]:
    """One push at a time of the branch of this work tree; nobody else waits for it, however slow the remote is."""
    with _held(workspace.folder, "push.lock", None):
        yield


@contextmanager
def collection_lock(project: Project) -> Iterator[None]:
    """One process at a time collects a repository's objects. LockNotFree where another one does."""
    with _held(project.folder, "collection.lock", 0):
        yield


@contextmanager
def _leased(project: Project, deadline: float | None) -> Iterator[None]:
    """Holds the row. In a transaction the row's own lock does it, until the transaction ends: nothing is renewed."""
    RepositoryLease.objects.get_or_create(project=project)
    while (lease := _claim(project)) is None:
        if deadline is not None and time.monotonic() >= deadline:
            raise LockNotFree
        time.sleep(_LOOK_EVERY_SECONDS)
    token = _held_leases.set({**_held_leases.get(), project.pk: lease})
    try:
        if connection.in_atomic_block:
            yield
        else:
            with leases.kept(lease, lambda: None):  # who loses it learns so before the next change of a ref
                yield
    finally:
        _held_leases.reset(token)
        lease.release()


def _claim(project: Project) -> Lease | None:
    """The lease, from nobody or from a process of this machine that is gone; None while somebody has it."""
    with one_commit():  # else who has claimed it without knowing would wait for itself
        return _claim_row(project)


def _claim_row(project: Project) -> Lease | None:
    row = RepositoryLease.objects.select_for_update(skip_locked=True).filter(project=project).first()
    if row is None:
        return None
    if row.lease_owner and is_owner_gone(row.lease_owner):
        RepositoryLease.objects.filter(pk=row.pk).update(lease_expires_at=None)
    return leases.claim(RepositoryLease.objects.all(), row.pk)


@contextmanager
def _held(folder: Path, name: str, wait_seconds: float | None) -> Iterator[None]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor, wait_seconds)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, wait_seconds: float | None) -> None:
    if wait_seconds is None:
        return fcntl.flock(descriptor, fcntl.LOCK_EX)
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise LockNotFree from None
            time.sleep(_LOOK_EVERY_SECONDS)
