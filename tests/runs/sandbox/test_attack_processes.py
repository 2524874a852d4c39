"""A hostile agent against processes, network and limits, with the server as root and as another user."""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable

import psutil
import pytest

from runs.execution.sandbox.orphans import end_orphans
from tests.processes import ENDED, status
from tests.runs.sandbox.worker import SECRET, Worker, kill_server

pytestmark = pytest.mark.plumbing

DAEMON = """
import os, signal, sys, time
def detach():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.setsid()
    if os.fork(): os._exit(0)
    for descriptor in (0, 1, 2): os.close(descriptor)
    time.sleep(600)
if os.fork() == 0:
    detach()
os.wait()
"""
LIVE_SECONDS = 2.0


def become_true(condition: Callable[[], bool], within_seconds: float = LIVE_SECONDS) -> bool:
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_live(pid: int, created: float) -> bool:
    try:
        process = psutil.Process(pid)
        return bool(process.create_time() == created and status(process) not in ENDED)
    except psutil.NoSuchProcess:
        return False


def test_no_process_of_the_machine_is_seen(worker: Worker) -> None:
    seen = worker.saw("import json, os; print(json.dumps([p for p in os.listdir('/proc') if p.isdigit()]))")

    assert len(seen) <= 6
    assert max(map(int, seen)) < 20


def test_the_servers_environment_is_not_seen(worker: Worker) -> None:
    seen = worker.saw(
        "import glob, json\nfound = {}\n"
        "for path in glob.glob('/proc/[0-9]*/environ'):\n"
        "    try: found[path] = open(path, 'rb').read().decode()\n"
        "    except OSError as error: found[path] = type(error).__name__\n"
        "print(json.dumps(found))"
    )

    assert seen
    assert SECRET not in str(seen)
    assert "SERVER_SECRET" not in str(seen)


def test_a_signal_to_everyone_reaches_nobody_outside(worker: Worker) -> None:
    program = "import contextlib, os, signal\nwith contextlib.suppress(OSError): os.kill(-1, signal.SIGKILL)"

    # That there is an answer at all: the server, of the same uid in one of the two cases, is alive.
    assert worker.attack(program)["code"] in (0, 137)


def test_no_file_descriptor_of_the_server_is_inherited(worker: Worker) -> None:
    seen = worker.saw("import json, os; print(json.dumps(sorted(os.listdir('/proc/self/fd'))))")

    # The fourth is the listing itself.
    assert seen == ["0", "1", "2", "3"]


def test_a_listener_on_the_machines_loopback_is_out_of_reach(worker: Worker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        seen = worker.saw(
            "import json, socket\n"
            f"try: socket.create_connection(('127.0.0.1', {listener.getsockname()[1]}), 2); print('\"reached\"')\n"
            "except OSError as error: print(json.dumps(type(error).__name__))"
        )
        assert seen == "ConnectionRefusedError"
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_an_abstract_socket_of_the_machine_is_out_of_reach(worker: Worker) -> None:
    name = f"quarterdeck-test-{os.getpid()}-{worker.uid}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0{name}")
        listener.listen()
        seen = worker.saw(
            "import json, socket\n"
            f"try: socket.socket(socket.AF_UNIX).connect('\\0{name}'); print('\"reached\"')\n"
            "except OSError as error: print(json.dumps(type(error).__name__))"
        )
    assert seen == "ConnectionRefusedError"


def test_there_is_no_network_but_an_empty_loopback(worker: Worker) -> None:
    assert worker.saw("import json, socket; print(json.dumps([n for _, n in socket.if_nameindex()]))") == ["lo"]


def test_a_detached_daemon_does_not_outlive_the_command(worker: Worker) -> None:
    answer = worker.attack(DAEMON)

    assert (answer["code"], answer["left"]) == (0, [])


@pytest.mark.parametrize("is_stopped", [False, True], ids=["running", "stopped"])
def test_kill_9_of_the_worker_leaves_nothing(worker: Worker, is_stopped: bool) -> None:
    with worker.started(DAEMON + "print('up', flush=True)\ntime.sleep(600)", holds=True) as server:
        assert server.stdout
        report = json.loads(server.stdout.readline() or server.communicate()[1])
        members = report["members"]
        assert len(members) >= 3
        if is_stopped:
            for pid, _ in members:
                os.kill(pid, signal.SIGSTOP)
        os.kill(report["pid"], signal.SIGKILL)
        assert become_true(lambda: not any(is_live(*member) for member in members)), members


@pytest.mark.parametrize("after_ms", [0, 2, 4, 6, 8, 10, 14, 18, 22, 26, 30, 40])
def test_kill_9_of_the_worker_in_the_middle_of_a_start_leaves_no_agent(worker: Worker, after_ms: int) -> None:
    with worker.started("import time; time.sleep(600)", holds=False) as server:
        assert server.stderr
        assert server.stderr.readline() == "starting\n"
        time.sleep(after_ms / 1000)  # not a wait: the moment is what is tried
        kill_server(server)

    # Bubblewrap itself may be caught half made: that is what workers look for, again and again.
    assert become_true(lambda: not end_orphans(worker.folder) and not in_use(worker)), in_use(worker)


def in_use(worker: Worker) -> list[list[str]]:
    """The argument lists in any process that name the worker's work tree: as mount, or as where an agent is."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            words = process.cmdline()
            if str(worker.work_tree) in words or process.cwd() == str(worker.work_tree):
                found.append(words)
    return found


def test_no_argument_list_of_any_process_holds_a_value_of_the_environment(worker: Worker) -> None:
    canary = f"canary-{os.getpid()}-{worker.uid}"
    program = "import os, time; print(os.environ['API_TOKEN'], flush=True); time.sleep(600)"
    with worker.started(program, holds=True, environment={"API_TOKEN": canary}) as server:
        assert server.stdout
        report = json.loads(server.stdout.readline())
        assert report["line"].strip() == canary
        lists = [one.info["cmdline"] or [] for one in psutil.process_iter(["cmdline"])]
    assert [words for words in lists if canary in " ".join(words)] == []


def test_a_fork_bomb_stops_at_the_limit(worker: Worker) -> None:
    seen = worker.saw(
        "import json, os, time\ncount = 0\n"
        "try:\n"
        "    while count < 500:\n"
        "        if os.fork() == 0: time.sleep(600)\n"
        "        count += 1\n"
        "except BlockingIOError: pass\n"
        "print(json.dumps(count), flush=True); os._exit(0)",
        processes=40,
    )

    assert 20 <= seen < 40


def test_open_files_are_bounded(worker: Worker) -> None:
    seen = worker.saw(
        "import json, os\nheld = []\n"
        "try:\n"
        "    while len(held) < 1000: held.append(os.open('/dev/null', 0))\n"
        "except OSError as error: print(json.dumps([error.errno, len(held)]))",
        open_files=64,
    )

    assert seen[0] == 24
    assert seen[1] < 64


def test_a_limit_cannot_be_raised_from_inside(worker: Worker) -> None:
    seen = worker.saw(
        "import json, resource as r\nseen = []\n"
        "for name in (r.RLIMIT_NPROC, r.RLIMIT_NOFILE, r.RLIMIT_FSIZE):\n"
        "    try: r.setrlimit(name, (r.RLIM_INFINITY, r.RLIM_INFINITY)); seen.append('raised')\n"
        "    except (OSError, ValueError): seen.append('refused')\n"
        "print(json.dumps(seen))"
    )

    assert seen == ["refused"] * 3


def test_a_memory_hog_is_killed_with_the_reason(worker: Worker) -> None:
    answer = worker.attack(
        "import time\nheld = []\nwhile True: held.append(b'x' * (8 << 20)); time.sleep(0.005)",
        memory_bytes=128 * 1024**2,
    )

    kind, limit, seen = answer["excess"]
    assert (kind, limit, answer["code"], answer["left"]) == ("memory", 128 * 1024**2, 137, [])
    assert seen > limit


def test_filling_the_disk_is_stopped_with_the_reason(worker: Worker) -> None:
    answer = worker.attack(
        "import os, time\n"
        "for number in range(10000):\n"
        "    with open(f'flood-{number}', 'wb') as file: file.write(os.urandom(1 << 20)); os.fsync(file.fileno())\n"
        "    time.sleep(0.005)",
        disk_bytes=16 * 1024**2,
    )

    kind, limit, seen = answer["excess"]
    assert (kind, limit, answer["code"], answer["left"]) == ("disk", 16 * 1024**2, 137, [])
    assert seen > limit


def test_memory_files_that_nobody_maps_count(worker: Worker) -> None:
    answer = worker.attack(
        "import os, time\n"
        "while True:\n"
        "    file = os.memfd_create('hidden')\n"
        "    for _ in range(8): os.write(file, b'x' * (2 << 20)); time.sleep(0.005)",
        memory_bytes=128 * 1024**2,
    )

    assert (answer["excess"][0], answer["code"]) == ("memory", 137)


CALLS = """
import ctypes, errno, json, platform, socket
libc = ctypes.CDLL(None, use_errno=True)
def tried(number, *arguments):
    return "done" if libc.syscall(number, *arguments) >= 0 else errno.errorcode[ctypes.get_errno()]
NUMBERS = {"x86_64": (29, 248, 250, 298, 321, 323, 425), "aarch64": (194, 217, 219, 241, 280, 282, 425)}
NAMES = ("shmget", "add_key", "keyctl", "perf_event_open", "bpf", "userfaultfd", "io_uring_setup")
number = dict(zip(NAMES, NUMBERS[platform.machine()]))
"""


def test_shared_memory_that_outlives_its_process_is_bounded(worker: Worker) -> None:
    seen = worker.saw(CALLS + "print(json.dumps([tried(number['shmget'], 0, size, 0o1600) for size in (56, 1 << 20)]))")

    assert seen == ["done", "EPERM"]


def test_doors_to_the_kernel_and_to_the_servers_keys_are_closed(worker: Worker) -> None:
    seen = worker.saw(
        CALLS + "closed = [name for name in number if name != 'shmget']\n"
        "print(json.dumps({name: tried(number[name], *[0] * 5) for name in closed}))"
    )

    assert set(seen.values()) == {"EPERM"}, seen


def test_a_crash_leaves_no_core_dump_here_nor_with_the_machine(worker: Worker) -> None:
    seen = worker.saw(
        "import json, os, resource, subprocess\n"
        "crash = subprocess.run(['/bin/sh', '-c', 'kill -SEGV $$'])\n"
        "print(json.dumps([crash.returncode, os.listdir(), resource.getrlimit(resource.RLIMIT_CORE)[0]]))"
    )

    assert seen == [-11, [], 1]


def test_no_packet_leaves_but_for_the_loopback(worker: Worker) -> None:
    seen = worker.saw(
        "import json, socket\nseen = {}\n"
        "def tried(name, action):\n"
        "    try: action(); seen[name] = 'done'\n"
        "    except OSError as error: seen[name] = type(error).__name__ if error.errno != 101 else 'unreachable'\n"
        "udp = lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))\n"
        "tried('metadata', lambda: socket.create_connection(('169.254.169.254', 80), 2))\n"
        "tried('metadata by IPv6', lambda: socket.create_connection(('fd00:ec2::254', 80), 2))\n"
        "tried('names', udp)\n"
        "tried('packets', lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))\n"
        "tried('raw', lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))\n"
        "print(json.dumps(seen))"
    )

    assert set(seen) == {"metadata", "metadata by IPv6", "names", "packets", "raw"}
    assert set(seen.values()) <= {"unreachable", "PermissionError", "OSError"}, seen


def test_a_process_with_more_rights_cannot_be_traced_or_looked_into(worker: Worker) -> None:
    seen = worker.saw(
        "import ctypes, json, os\nseen = []\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "for pid in (name for name in os.listdir('/proc') if name.isdigit() and int(name) != os.getpid()):\n"
        "    status = dict(line.split(':', 1) for line in open(f'/proc/{pid}/status').read().splitlines())\n"
        "    if int(status['CapPrm'], 16) == 0 and int(pid) == 1: continue\n"
        "    traced = libc.ptrace(0x4206, int(pid), 0, 0) == 0\n"  # PTRACE_SEIZE, which stops nobody
        "    try: traced |= bool(os.listdir(f'/proc/{pid}/root'))\n"
        "    except OSError: pass\n"
        "    seen.append([int(status['CapPrm'], 16), traced])\n"
        "print(json.dumps(seen))"
    )

    assert [rights for rights, traced in seen if rights and traced] == []


def test_the_machine_is_not_to_be_set_from_inside(worker: Worker) -> None:
    paths = [
        "/proc/sysrq-trigger",
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
    ]
    seen = worker.saw(
        f"import json, os\nseen = {{}}\nfor path in {paths!r}:\n"
        "    try: os.write(os.open(path, os.O_WRONLY), b'x'); seen[path] = 'written'\n"
        "    except OSError as error: seen[path] = type(error).__name__\n"
        "print(json.dumps(seen))"
    )

    assert "written" not in seen.values(), seen
