"""The supervisor, seen from outside: real processes, ended in every way that a process can be ended."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config import home_lock, ports
from tests.processes import is_over

pytestmark = pytest.mark.plumbing
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 20.0


class Server:
    """A supervised program under test and the lines that it has printed."""

    def __init__(self, *children: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.config.supervised", *children],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.lines: list[str] = []

    def wait_for_line(self, beginning: str, nth: int = 1) -> str:
        """The rest of the nth line that begins so."""
        assert self.process.stdout is not None
        while len(found := [line for line in self.lines if line.startswith(beginning)]) < nth:
            line = self.process.stdout.readline()
            assert line, f"the program ended without '{beginning}': {self.lines}"
            self.lines.append(line.decode().strip())
        return found[nth - 1].removeprefix(beginning).strip()

    def pid_of(self, name: str, nth: int = 1) -> int:
        return int(self.wait_for_line(f"{name} ", nth))

    def end(self, number: signal.Signals) -> tuple[int, str]:
        """Signal the supervisor alone; its exit status and what it reported."""
        self.process.send_signal(number)
        return self.outcome()

    def outcome(self) -> tuple[int, str]:
        output, errors = self.process.communicate(timeout=PATIENCE_SECONDS)
        self.lines += output.decode().splitlines()
        return self.process.returncode, errors.decode()


Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    servers: list[Server] = []

    def start_one(*children: str, **environment: str) -> Server:
        servers.append(Server(*children, **environment))
        return servers[-1]

    yield start_one
    for server in servers:
        server.process.kill()
        server.process.communicate(timeout=PATIENCE_SECONDS)


def wait_until(is_so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_sigterm_ends_the_children_and_exits_with_zero(start: Start) -> None:
    server = start("steady", "clean")
    pids = [server.pid_of("steady"), server.pid_of("clean")]
    status, _ = server.end(signal.SIGTERM)
    assert (status, [is_over(pid) for pid in pids]) == (0, [True, True])


def test_children_get_the_time_to_stop_by_themselves(start: Start) -> None:
    server = start("slow_to_stop")
    server.pid_of("slow_to_stop")
    server.end(signal.SIGTERM)
    assert "slow_to_stop stopped" in server.lines


def test_hang_up_of_the_terminal_stops_the_server(start: Start) -> None:
    server = start("clean")
    server.pid_of("clean")
    assert server.end(signal.SIGHUP)[0] == 0


def test_ctrl_c_to_the_whole_group_ends_everything_with_zero(start: Start) -> None:
    server = start("clean", "steady")
    pids = [server.pid_of("clean"), server.pid_of("steady")]
    os.killpg(server.process.pid, signal.SIGINT)
    status, errors = server.outcome()
    assert (status, errors, [is_over(pid) for pid in pids]) == (0, "", [True, True])


def test_a_second_ctrl_c_does_not_cut_the_stop_short(start: Start) -> None:
    server = start("slow_to_stop")
    server.pid_of("slow_to_stop")
    os.killpg(server.process.pid, signal.SIGINT)
    os.killpg(server.process.pid, signal.SIGINT)
    assert (server.outcome()[0], "slow_to_stop stopped" in server.lines) == (0, True)


def test_a_child_that_ignores_sigterm_is_killed_after_the_patience(start: Start) -> None:
    server = start("stubborn", STOP_SECONDS="0.3")
    pid = server.pid_of("stubborn")
    status, errors = server.end(signal.SIGTERM)
    assert (status, is_over(pid), "stubborn did not stop within 0.3 s" in errors) == (0, True, True)


@pytest.mark.parametrize("name", ["steady", "clean", "stubborn"])
def test_kill_9_of_the_supervisor_leaves_no_child_after_two_seconds(start: Start, name: str) -> None:
    server = start(name)
    pid = server.pid_of(name)
    server.process.kill()
    begun_at = time.monotonic()
    wait_until(lambda: is_over(pid))
    assert time.monotonic() - begun_at < 2.5  # two and what a busy machine adds


def test_kill_9_of_the_supervisor_leaves_no_program_of_a_child(start: Start) -> None:
    server = start("with_program")
    program, child = server.pid_of("program"), server.pid_of("with_program")
    server.process.kill()
    wait_until(lambda: is_over(program) and is_over(child))


def test_kill_9_of_a_child_starts_it_again(start: Start) -> None:
    server = start("steady")
    first = server.pid_of("steady")
    os.kill(first, signal.SIGKILL)
    assert server.pid_of("steady", nth=2) != first


def test_kill_9_of_a_child_says_how_it_ended(start: Start) -> None:
    server = start("steady")
    os.kill(server.pid_of("steady"), signal.SIGKILL)
    server.pid_of("steady", nth=2)
    assert "steady was ended by SIGKILL; starting it again in 0.05 s" in server.end(signal.SIGTERM)[1]


def test_kill_9_of_a_child_ends_its_programs(start: Start) -> None:
    server = start("with_program")
    program = server.pid_of("program")
    os.kill(server.pid_of("with_program"), signal.SIGKILL)
    wait_until(lambda: is_over(program))


def test_kill_9_of_a_child_leaves_the_others_alone(start: Start) -> None:
    server = start("steady", "clean")
    clean = server.pid_of("clean")
    os.kill(server.pid_of("steady"), signal.SIGKILL)
    server.pid_of("steady", nth=2)
    assert not is_over(clean)


def test_a_crash_loop_stops_everything_with_the_reason(start: Start) -> None:
    server = start("steady", "crashing")
    pid = server.pid_of("steady")
    status, errors = server.outcome()
    assert (status, is_over(pid)) == (1, True)
    assert errors.endswith("stopped: crashing failed 5 times within 60 s; the last time it ended with exit status 3.\n")


def test_the_wait_between_starts_doubles(start: Start) -> None:
    errors = start("crashing").outcome()[1]
    assert [line.split()[-2] for line in errors.splitlines()[:-1]] == ["0.05", "0.1", "0.2", "0.4"]


def test_an_exception_in_a_child_is_shown_and_counts_as_a_failure(start: Start) -> None:
    status, errors = start("raising").outcome()
    assert (status, errors.count("RuntimeError: the reason in a traceback")) == (1, 5)


def test_sigterm_while_children_are_starting_leaves_nothing(start: Start) -> None:
    server = start("steady", "steady", "steady")
    first = server.pid_of("steady")
    status, _ = server.end(signal.SIGTERM)
    pids = [first, *(int(line.split()[1]) for line in server.lines if line.startswith("steady"))]
    assert (status, all(is_over(pid) for pid in pids)) == (0, True)


def test_an_idle_supervisor_does_not_burn_the_processor(start: Start) -> None:
    server = start("steady")
    server.pid_of("steady")
    server.wait_for_line("ready")
    supervisor = psutil.Process(server.process.pid)
    before = supervisor.cpu_times()
    waited_at = supervisor.num_ctx_switches().voluntary
    time.sleep(0.5)  # the condition is that nothing happens
    after = supervisor.cpu_times()
    assert after.user + after.system - before.user - before.system <= 0.02
    assert supervisor.num_ctx_switches().voluntary - waited_at <= 5


def test_ready_is_announced_once(start: Start) -> None:
    server = start("steady")
    server.wait_for_line("ready")
    os.kill(server.pid_of("steady"), signal.SIGKILL)
    server.pid_of("steady", nth=2)
    server.end(signal.SIGTERM)
    assert server.lines.count("ready") == 1


def test_a_second_server_of_one_home_is_refused_with_the_holder_named(start: Start, tmp_path: Path) -> None:
    first = start("steady", LOCK=str(tmp_path / "lock"))
    first.pid_of("steady")
    second = start("steady", LOCK=str(tmp_path / "lock"), LOCK_WAIT_SECONDS="0.1")
    assert second.outcome()[0] == 1
    assert f"Another Quarterdeck (process {first.process.pid}) is serving from {tmp_path}" in second.lines[0]


@pytest.mark.parametrize("name", ["steady", "stubborn"])
def test_a_start_right_after_kill_9_waits_for_the_old_processes(start: Start, tmp_path: Path, name: str) -> None:
    first = start(name, LOCK=str(tmp_path / "lock"))
    old = first.pid_of(name)
    first.process.kill()
    second = start(name, LOCK=str(tmp_path / "lock"))
    second.pid_of(name)
    assert is_over(old)


def test_a_released_home_lock_can_be_taken_again(tmp_path: Path) -> None:
    home_lock.acquire_home_lock(tmp_path / "lock").release()
    home_lock.acquire_home_lock(tmp_path / "lock", wait_seconds=0).release()


def test_the_home_lock_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    home_lock.acquire_home_lock(tmp_path / "lock").release()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_taken_port_names_the_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ports.PortUnusable, match=f"Port {port} .* is in use .* --port"):
            ports.wait_for_port("127.0.0.1", port, wait_seconds=0.1)


def test_a_port_that_becomes_free_is_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=[taken.fileno()]
        )
    assert child.stdin is not None
    assert ports.answers("127.0.0.1", port)
    child.kill()
    ports.wait_for_port("127.0.0.1", port)
    child.communicate()


@pytest.mark.parametrize(
    ("host", "port", "cure"),
    [("127.0.0.1", 65536, "--port"), ("no-such-host.invalid", 8000, "--host"), ("203.0.113.7", 8000, "--host")],
)
def test_an_impossible_address_is_refused_at_once(host: str, port: int, cure: str) -> None:
    with pytest.raises(ports.PortUnusable, match=cure):
        ports.wait_for_port(host, port, wait_seconds=60)


def test_nothing_answers_on_a_free_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert not ports.answers("127.0.0.1", port)
