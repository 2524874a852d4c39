"""A hostile agent against the file system, with the server as root and as another user."""

import shutil
from pathlib import Path

import pytest

from runs.execution.interpreter import interpreter_folders
from runs.execution.sandbox.spec import NOBODY
from tests.runs.sandbox.worker import SECRET, Worker

pytestmark = pytest.mark.plumbing

TRY_TO_WRITE = """
import json
from pathlib import Path
seen = {}
for folder in %r:
    try:
        Path(folder, "planted").write_text("x")
        seen[folder] = "written"
    except OSError as error:
        seen[folder] = type(error).__name__
print(json.dumps(seen))
"""
TRY_TO_READ = """
import json
from pathlib import Path
seen = {}
for path in %r:
    try:
        path = Path(path)
        seen[str(path)] = sorted(p.name for p in path.iterdir()) if path.is_dir() else path.read_text()
    except OSError as error:
        seen[str(path)] = type(error).__name__
print(json.dumps(seen))
"""
MOUNT = """
import ctypes, errno, json, os
libc = ctypes.CDLL(None, use_errno=True)
def tried(call, *arguments):
    return "done" if getattr(libc, call)(*arguments) == 0 else errno.errorcode[ctypes.get_errno()]
REMOUNT, BIND, NEWUSER, NEWNS = 32, 4096, 0x10000000, 0x20000
print(json.dumps({
    "remount /usr": tried("mount", None, b"/usr", None, REMOUNT | BIND, None),
    "remount /": tried("mount", None, b"/", None, REMOUNT | BIND, None),
    "bind": tried("mount", b"/tmp", b"/usr", None, BIND, None),
    "tmpfs": tried("mount", b"none", b"/tmp", b"tmpfs", 0, None),
    "unmount": tried("umount2", b"/usr", 2),
    "user namespace": tried("unshare", NEWUSER),
    "user and mount namespace": tried("unshare", NEWUSER | NEWNS),
    "mount namespace": tried("unshare", NEWNS),
}))
"""


def test_nothing_outside_of_work_tree_and_home_can_be_written(worker: Worker) -> None:
    closed = ["/", "/usr", "/usr/bin", "/etc", "/dev", "/proc", "/root", "/home", "/var"]
    closed += map(str, interpreter_folders())

    seen = worker.saw(TRY_TO_WRITE % [*closed, str(worker.folder), str(worker.work_tree), str(worker.home)])

    assert [folder for folder in closed if seen[folder] == "written"] == []
    assert (seen[str(worker.work_tree)], seen[str(worker.home)]) == ("written", "written")
    # The folder on the way may be a part of the sandbox's own /tmp: what counts is the real one.
    assert not (worker.folder / "planted").exists()


def test_the_servers_secret_and_database_are_not_there(worker: Worker) -> None:
    paths = [str(worker.secret), str(worker.folder / "database.sqlite3"), "/etc/shadow"]

    seen = worker.saw(TRY_TO_READ % paths)

    assert seen == dict.fromkeys(paths, "FileNotFoundError")


def test_the_servers_home_shows_only_the_way_to_the_runs_own_folders(worker: Worker) -> None:
    paths = [str(worker.folder), str(worker.folder / "trees"), str(worker.folder / "homes")]

    seen = worker.saw(TRY_TO_READ % paths)

    assert list(seen.values()) == [["homes", "trees"], ["1"], ["1"]]


def test_a_link_out_of_the_work_tree_leads_nowhere(worker: Worker) -> None:
    (worker.work_tree / "way-out").symlink_to(worker.secret)

    seen = worker.saw(TRY_TO_READ % [str(worker.work_tree / "way-out")])

    assert SECRET not in str(seen)


def test_the_machines_own_folders_are_absent(worker: Worker) -> None:
    seen = worker.saw("import json, os; print(json.dumps(os.listdir('/')))")

    shown = {worker.folder.parts[1], *(folder.parts[1] for folder in interpreter_folders())}
    allowed = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc", "proc", "dev", "tmp"}
    assert set(seen) <= allowed | shown


def test_mounts_and_nested_namespaces_are_refused(worker: Worker) -> None:
    seen = worker.saw(MOUNT)

    assert {name: outcome for name, outcome in seen.items() if outcome not in ("EPERM", "ENOSPC")} == {}


def test_no_capability_is_left_and_none_can_come_back(worker: Worker) -> None:
    seen = worker.saw(
        "import json; lines = open('/proc/self/status').read().splitlines(); "
        "print(json.dumps(dict(line.split(':\\t') for line in lines if line.startswith(('Cap', 'NoNewPrivs')))))"
    )

    assert {int(seen[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert seen["NoNewPrivs"] == "1"


def test_the_agent_is_never_root_outside(worker: Worker) -> None:
    worker.attack("open('mine', 'w')")

    assert (worker.work_tree / "mine").stat().st_uid == (worker.uid or NOBODY)


def test_a_set_uid_program_gains_nothing(worker: Worker) -> None:
    program = worker.work_tree / "id"
    shutil.copy("/usr/bin/id", program)
    program.chmod(0o4755)

    uid = worker.saw("import subprocess; print(subprocess.check_output(['./id', '-u'], text=True))")

    assert uid == (worker.uid or NOBODY)


def test_free_room_on_the_sized_file_systems_is_bounded(worker: Worker) -> None:
    seen = worker.saw(
        "import json\nseen = {}\n"
        "for folder in ('/tmp', '/dev/shm'):\n"
        "    written = 0\n"
        "    try:\n"
        "        with open(folder + '/flood', 'wb', buffering=0) as file:\n"
        "            while written < 64 << 20: written += file.write(b'x' * (1 << 20))\n"
        "    except OSError as error: seen[folder] = [error.errno, written]\n"
        "print(json.dumps(seen))",
        tmpfs_bytes=4 * 1024**2,
    )

    assert {folder: errno for folder, (errno, _) in seen.items()} == {"/tmp": 28, "/dev/shm": 28}
    assert max(written for _, written in seen.values()) <= 4 * 1024**2


def test_a_file_larger_than_allowed_ends_its_writer(worker: Worker) -> None:
    answer = worker.attack(
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
        "with open('big', 'wb', buffering=0) as file:\n"
        "    while True: file.write(b'x' * 65536)",
        file_size_bytes=1024**2,
    )

    assert answer["code"] == 128 + 25
    assert Path(worker.work_tree, "big").stat().st_size == 1024**2
