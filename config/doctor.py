"""Looks at everything a server needs, and tells for each thing that is wrong who must do what. It changes nothing."""

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.db import connection
from django.utils import timezone

from config import health
from config.api.params import read
from config.schema_state import missing_migrations
from projects.git.environment import search_path
from projects.git.process import run_git
from runs.execution.sandbox.support import probe
from runs.services.counting import miscounted_projects
from settings_params.encryption_keys import KeysUnusable
from settings_params.errors import RESTORE_KEYS
from settings_params.rotation import count_unreadable

OLDEST_GIT = (2, 30)
MAX_CLOCK_SECONDS = 5
PRIVATE = 0o077
LIMITS_NOTE = (
    "hard limits on processes, open files, file size and /tmp; memory and disk by a look twice a second, "
    "cgroups are not used"
)


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `cure` is empty when all is well."""

    name: str
    state: Literal["ok", "warning", "failed"]
    found: str
    cure: str = ""

    def as_json(self) -> dict[str, Any]:
        """The members of one object."""
        return asdict(self)


def examine() -> Iterator[Finding]:
    """Every finding in turn. Those that need a database come only when it is there."""
    for look in (_interpreter, _git, _sandbox, _home, _disk, _secret_key):
        yield look()
    yield from _up_to_the_first_failure(_database, _migrations, _clock, _secrets, _network, _run_counts, _workers)
    if health.has_counters_server():
        yield _counters()


def _up_to_the_first_failure(*looks: Callable[[], Finding]) -> Iterator[Finding]:
    """Each look needs what the one before it has found."""
    for look in looks:
        finding = look()
        yield finding
        if finding.state == "failed":
            return


def _finding(name: str, found: str, reason: str | None, cure: str, state: Literal["warning", "failed"]) -> Finding:
    return Finding(name, "ok", found) if reason is None else Finding(name, state, reason, cure)


def _interpreter() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    found = f"Python {version}, SQLite {sqlite3.sqlite_version}"
    reason = None if sys.version_info >= (3, 11) else f"Python {version} is too old."
    return _finding("interpreter", found, reason, "Install Python 3.11 or newer and name it in PYTHON.", "failed")


def _git() -> Finding:
    cure = "Install git 2.30 or newer (Debian, Ubuntu: apt install git)."
    program = shutil.which("git", path=search_path())
    if program is None:
        return Finding("git", "failed", "git is not in the server's path.", cure)
    said = run_git(["--version"]).decode().strip()
    numbers = tuple(int(part) for part in said.removeprefix("git version ").split(".")[:2] if part.isdigit())
    reason = None if numbers >= OLDEST_GIT else f"{said} is too old."
    return _finding("git", f"{said} at {program}", reason, cure, "failed")


def _sandbox() -> Finding:
    support = probe()
    if support.is_available:
        return Finding("sandbox", "ok", f"bubblewrap {support.version} at {support.bwrap}; {LIMITS_NOTE}")
    # The reason ends with what helps on this machine.
    cure = "Cure that, or accept unsandboxed agents: bin/manage params set safety.allow_unsandboxed true."
    return Finding("sandbox", "failed", support.reason, cure)


def _home() -> Finding:
    home = Path(settings.HOME)
    cure = f"Make it the server's own: chown it to the server's user, then chmod 700 {home}."
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return Finding("home", "failed", f"{home} cannot be written by this user.", cure)
    is_open = home.stat().st_mode & PRIVATE
    return _finding("home", str(home), f"{home} is open to other users." if is_open else None, cure, "warning")


def _disk() -> Finding:
    free = shutil.disk_usage(settings.HOME).free // 2**20
    cure = "Make room on that disk, or move the data: QUARTERDECK_HOME."
    return _finding("disk", f"{free} MiB free", health.disk_reason(), cure, "failed")


def _secret_key() -> Finding:
    if os.environ.get("QUARTERDECK_SECRET_KEY"):
        return Finding("keys", "ok", "the secret key comes from QUARTERDECK_SECRET_KEY")
    open_files = [path for path in Path(settings.HOME).glob("*key*") if _is_open(path)]
    cure = f"chmod 600 {' '.join(map(str, open_files))}"
    reason = f"{open_files[0]} can be read by other users." if open_files else None
    return _finding("keys", "the key files can be read by the server's user only", reason, cure, "failed")


def _is_open(path: Path) -> bool:
    return bool(stat.S_IMODE(path.stat().st_mode) & PRIVATE)


def _database() -> Finding:
    found = "PostgreSQL" if connection.vendor == "postgresql" else f"SQLite at {connection.settings_dict['NAME']}"
    cure = "Check DATABASE_URL, that the server of that address runs, and free disk space."
    return _finding("database", found, health.database_reason(), cure, "failed")


def _migrations() -> Finding:
    missing = missing_migrations()
    reason = f"{missing} migrations are not applied." if missing else None
    return _finding("migrations", "all are applied", reason, "bin/manage migrate (bin/serve does it too).", "failed")


def _secrets() -> Finding:
    try:
        lost = count_unreadable()
    except KeysUnusable as error:
        return Finding("secrets", "failed", str(error), RESTORE_KEYS)
    reason = f"{lost} stored secrets cannot be opened with the present keys." if lost else None
    return _finding("secrets", "the encryption keys open all of them", reason, RESTORE_KEYS, "failed")


def _network() -> Finding:
    network, hosts = read("safety.network"), read("safety.network_allowlist")
    if not probe().is_available and read("safety.allow_unsandboxed"):
        found = "Without a sandbox agents reach all that this machine reaches."
        return Finding("network", "warning", found, "Make the sandbox work: see above.")
    found = {
        "none": "runs reach their model API and nothing else",
        "allowlist": f"runs reach their model API and {len(hosts)} listed hosts",
        "open": "Runs reach all that this machine reaches, its loopback too.",
    }[network]
    cure = "Name what they need instead: bin/manage params set safety.network allowlist."
    return _finding("network", found, found if network == "open" else None, cure, "warning")


def _clock() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        (told,) = cursor.fetchone()
    there = datetime.fromisoformat(told) if isinstance(told, str) else told
    there = timezone.make_aware(there) if timezone.is_naive(there) else there
    apart = abs((timezone.now() - there).total_seconds())
    reason = f"The clock is {apart:.0f} s from the database's." if apart > MAX_CLOCK_SECONDS else None
    return _finding("clock", "agrees with the database's", reason, "Set both machines' clocks by NTP.", "failed")


def _run_counts() -> Finding:
    wrong = miscounted_projects()
    reason = f"The numbers of runs of {len(wrong)} projects are wrong." if wrong else None
    return _finding("run counts", "agree with the runs", reason, "bin/manage recover counts them anew.", "warning")


def _workers() -> Finding:
    reasons = [reason for queue in health.QUEUES if (reason := health.worker_reason(queue))]
    cure = "Start the server: bin/serve. If it runs, its log says why its workers end."
    return _finding("workers", "one or more for each queue", " ".join(reasons) or None, cure, "warning")


def _counters() -> Finding:
    cure = "Check REDIS_URL and that the server of that address runs: limits over several processes need it."
    return _finding("counters", "Redis answers", health.counters_reason(), cure, "failed")


def is_well(findings: list[Finding]) -> bool:
    """Whether nothing has failed; warnings are not failures."""
    return all(finding.state != "failed" for finding in findings)
