"""Runs ``server.py`` as root or as another user, over a server's home with a secret in it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from runs.execution.interpreter import interpreter_folders
from runs.execution.sandbox.ownership import give_to
from runs.execution.sandbox.spec import NOBODY
from runs.execution.sandbox.support import probe

CHECKOUT = Path(__file__).resolve().parents[3]
SERVER = Path(__file__).with_name("server.py")
SECRET = "the-servers-own-secret"
TIMEOUT_SECONDS = 60


@dataclass
class Worker:
    """A server's home (0700) of some uid, with a work tree and a run home inside, and that server's way to start."""

    uid: int
    folder: Path
    secret: Path = field(init=False)
    work_tree: Path = field(init=False)
    home: Path = field(init=False)

    def __post_init__(self) -> None:
        self.secret, self.work_tree, self.home = (self.folder / name for name in ("secret", "trees/1", "homes/1"))
        for made in (self.work_tree, self.home / "tmp"):
            made.mkdir(parents=True)
        self.secret.write_text(SECRET)
        (self.folder / "database.sqlite3").write_text(SECRET)
        for file in (self.secret, self.folder / "database.sqlite3"):
            file.chmod(0o600)
        self.folder.chmod(0o700)
        if os.geteuid() == 0:
            give_to([self.folder], self.uid, self.uid)
            give_to([self.work_tree, self.home], NOBODY, NOBODY)

    def attack(
        self,
        program: str,
        *,
        bridges: dict[int, str] | None = None,
        shares_network: bool = False,
        **limits: int,
    ) -> dict[str, Any]:
        """Run Python source in a sandbox of this server to its end, or to the watchdog's."""
        network: dict[str, Any] = {"bridges": bridges, "shares_network": shares_network}
        with self.started(program, holds=False, limits=limits, **network) as process:
            output, errors = process.communicate(timeout=TIMEOUT_SECONDS)
        assert process.returncode == 0, errors
        return dict(json.loads(output))

    def saw(self, program: str, **more: Any) -> Any:
        """The JSON that the program printed."""
        answer = self.attack(program, **more)
        assert answer["code"] == 0, answer
        return json.loads(answer["stdout"])

    @contextlib.contextmanager
    def started(
        self,
        program: str,
        *,
        holds: bool,
        limits: dict[str, int] | None = None,
        environment: dict[str, str] | None = None,
        bridges: dict[int, str] | None = None,
        shares_network: bool = False,
        is_sandboxed: bool = True,
    ) -> Iterator[subprocess.Popen[str]]:
        """The running server, told what to start."""
        order = {
            "program": program,
            "holds": holds,
            "limits": limits or {},
            "environment": environment or {},
            "bridges": bridges or {},
            "shares_network": shares_network,
            "is_sandboxed": is_sandboxed,
            "home": str(self.home),
            "work_tree": str(self.work_tree),
        }
        command = (*self._as_user(), sys.executable, str(SERVER))
        surroundings = {
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "SERVER_SECRET": SECRET,
        }
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=surroundings, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
            assert process.stdin
            try:
                process.stdin.write(json.dumps(order) + "\n")
                process.stdin.flush()
                yield process
            finally:
                kill_server(process)

    def _as_user(self) -> tuple[str, ...]:
        """Become the uid, with the interpreter and the checkout in reach even where they lie under root's 0700 home."""
        if self.uid == os.geteuid():
            return ()
        needed = (CHECKOUT, *interpreter_folders())
        closed = {parent for path in needed for parent in path.parents if not parent.stat().st_mode & 0o001}
        view: list[str] = []
        for folder in sorted(closed, key=lambda path: len(path.parts)):
            if not any(folder.is_relative_to(other) for other in closed - {folder}):
                view += ["--perms", "0755", "--tmpfs", str(folder)]
                for path in (path for path in needed if path.is_relative_to(folder)):
                    inner = [parent for parent in path.parents if parent != folder and parent.is_relative_to(folder)]
                    view += [word for one in reversed(inner) for word in ("--perms", "0755", "--dir", str(one))]
                    view += ["--ro-bind", str(path), str(path)]
        identity = ("--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups", "--inh-caps=-all")
        return (str(probe().bwrap), "--dev-bind", "/", "/", *view, "--", "setpriv", *identity)


def kill_server(process: subprocess.Popen[str]) -> None:
    """SIGKILL for the server alone; nobody but the kernel then cares for what it had started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                if str(SERVER) in one.cmdline()[1:2]:
                    one.kill()


@contextlib.contextmanager
def worker_of(uid: int) -> Iterator[Worker]:
    """A worker of that uid; its home is deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="quarterdeck-attack-"))
    try:
        yield Worker(uid, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
