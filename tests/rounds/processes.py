"""The processes of a round, from the side of who drives it: asks the zygote for them, kills them, sees them end."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MAX_ANSWER_BYTES = 4096
STOP_SECONDS = 10.0


class Zygote:
    """The process that forks (tests.rounds.zygote). May be asked by several threads."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.lock = threading.Lock()

    def fork(self, task: str, descriptor: int, **arguments: Any) -> int:
        """Begins a task of a module of ours in a new process, with a copy of the descriptor; the process's id."""
        message = json.dumps({"task": task, "arguments": arguments}).encode()
        with self.lock:
            socket.send_fds(self.control, [message], [descriptor])
            return int(self._answer()["child"])

    def reap(self, child: int) -> int:
        """Waits for the end of a child; its exit status, negative for a signal."""
        with self.lock:
            self.control.send(json.dumps({"reap": child}).encode())
            return int(self._answer()["status"])

    def _answer(self) -> Any:
        answer = self.control.recv(MAX_ANSWER_BYTES)
        assert answer, "the zygote has ended: its log says why"
        return json.loads(answer)

    def ask(self, task: str, **arguments: Any) -> dict[str, Any]:
        """What a task answers, once its process has ended well."""
        reading, writing = os.pipe()
        child = self.fork(task, writing, **arguments)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            answered = pipe.read()
        assert self.reap(child) == 0, f"{task} failed: the log says why"
        answer: dict[str, Any] = json.loads(answered)
        return answer


@contextmanager
def zygote(environment: Mapping[str, str], log: Path) -> Iterator[Zygote]:
    """A zygote with that environment, whose children write to that log; none of them outlives the block."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    with ours:
        with theirs, log.open("ab") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.rounds.zygote", str(theirs.fileno())],
                cwd=ROOT,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        try:
            assert ours.recv(MAX_ANSWER_BYTES), f"the zygote did not start:\n{log.read_text()}"
            yield Zygote(ours)
        finally:
            ours.close()
            process.wait(STOP_SECONDS)


class Web:
    """A web process that is there again, at another port, as soon as it is killed."""

    def __init__(self, forks: Zygote, tuning: Mapping[str, float]) -> None:
        self.forks, self.tuning = forks, dict(tuning)
        self.lock = threading.Lock()
        self.former: list[int] = []
        self._begin()

    def _begin(self) -> None:
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(128)  # whoever comes before the process accepts waits
            self.child = self.forks.fork("web:serve", listening.fileno(), tuning=self.tuning)
            self.port: int = listening.getsockname()[1]

    def kill(self, number: int) -> None:
        """Ends it by a signal, and begins the next one."""
        with self.lock:
            os.kill(self.child, number)
            self.former.append(self.child)
            self._begin()

    def end(self) -> None:
        """Ends it and what is left of its predecessors."""
        with self.lock:
            for child in (*self.former, self.child):
                with suppress(ProcessLookupError):  # only the last one is surely there
                    os.kill(child, signal.SIGKILL)
                self.forks.reap(child)
