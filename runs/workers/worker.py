"""A worker process: takes one task after another from one queue. At SIGTERM it ends within seconds, come what may."""

import contextlib
import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable
from types import FrameType

from django.db import Error, close_old_connections, connection
from django.utils import timezone
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from accounts.services import prune_expired
from config.api.owners import owner_id
from runs.models import WorkerProcess
from runs.workers import recovery, stopping

logger = logging.getLogger(__name__)
HEARTBEAT_SECONDS = 5.0
PRUNE_SECONDS = 600.0
LOOK_EVERY_SECONDS = 1.0
IDLE_SECONDS = 0.5
POLL_SECONDS = 0.05


class QueueWorker(Worker):
    """django-tasks-db's worker with a heartbeat, recovery of the dead, and an idle loop that takes no write lock."""

    def __init__(
        self,
        queue: str,
        when_idle: Callable[[], None] = lambda: None,
        at_heartbeat: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(
            queue_names=[queue],
            interval=0,
            batch=True,  # `run` of the base class returns once the queue is empty
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=owner_id(),
            excluded_queue_names=[],
        )
        self.queue = queue
        self._when_idle, self._at_heartbeat = when_idle, at_heartbeat

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT: the loop ends; a task under way is told and gives its work back."""
        self.running = False
        stopping.request()

    def work(self) -> None:
        """Runs until told to stop."""
        self.configure_signals()
        beat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        beat.start()
        news = _News()
        idle_from = time.monotonic() + IDLE_SECONDS
        may_hold_work = False
        while self.running:
            try:
                if may_hold_work:  # how its task ended could not be written down: here it does nothing
                    recovery.free_work_of(self.worker_id)
                    may_hold_work = False
                if news.wait() and self._has_ready_tasks():
                    self.run()
                elif time.monotonic() >= idle_from:
                    self._when_idle()
                    idle_from = math.inf
            except Error:
                logger.exception("The database could not be used; trying again.")
                may_hold_work = True
                close_old_connections()
                time.sleep(LOOK_EVERY_SECONDS)
        WorkerProcess.objects.filter(name=self.worker_id).delete()

    def _has_ready_tasks(self) -> bool:
        return DBTaskResult.objects.ready().filter(queue_name=self.queue).exists()

    def _beat(self) -> None:
        prune_at = time.monotonic()
        while self.running:
            with contextlib.suppress(Error):
                now = timezone.now()
                defaults = {"queue": self.queue, "last_seen_at": now}
                WorkerProcess.objects.update_or_create(name=self.worker_id, defaults=defaults)
                recovery.recover_the_dead()
                if time.monotonic() >= prune_at:
                    prune_at = time.monotonic() + PRUNE_SECONDS
                    prune_expired()
            self._at_heartbeat()
            connection.close()
            stopping.wait(HEARTBEAT_SECONDS)


class _News:
    """Waits for a commit: on SQLite by `PRAGMA data_version` (8 µs a poll), else by looking at short intervals."""

    def __init__(self) -> None:
        self._watcher: sqlite3.Connection | None = None
        if connection.vendor == "sqlite":
            name = str(connection.settings_dict["NAME"])
            self._watcher = sqlite3.connect(name, isolation_level=None, uri=name.startswith("file:"))
        self._seen: object = None

    def wait(self) -> bool:
        """True when it is worth to look at the queue; False when told to stop."""
        deadline = time.monotonic() + LOOK_EVERY_SECONDS
        while time.monotonic() < deadline and not stopping.wait(POLL_SECONDS):
            if self._watcher is None:
                return True
            version = self._watcher.execute("PRAGMA data_version").fetchone()
            if version != self._seen:
                self._seen = version
                return True
        return not stopping.is_requested()
