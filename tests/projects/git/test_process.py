import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from projects.git.errors import DiskFull, GitFailed, GitTimeout, OutOfMemory
from projects.git.process import StartedGit, run_git, scrub
from tests.processes import is_over

pytestmark = pytest.mark.plumbing


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def wait_until_gone(pid: int) -> bool:
    return wait_until(lambda: is_over(pid))


def wait_for_pid(file: Path) -> int:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if file.exists() and file.read_text().strip():
            return int(file.read_text())
        time.sleep(0.02)
    raise AssertionError(f"{file} was not written")


def test_output_comes_back_as_bytes() -> None:
    assert run_git(["--version"]).startswith(b"git version ")


def test_a_large_input_and_output_do_not_block_each_other(tmp_path: Path) -> None:
    run_git(["init", "--quiet", "--bare", str(tmp_path / "r")])
    lines = b"HEAD\n" * 30_000  # more than twice what a pipe holds
    answer = run_git(["cat-file", "--batch-check"], git_dir=tmp_path / "r", standard_input=lines)
    assert answer.count(b"missing") == 30_000


def test_git_is_ended_when_it_has_given_enough() -> None:
    began = time.monotonic()
    answer = run_git(["x"], config=[("alias.x", "!yes")], enough_bytes=1_000_000)
    assert 1_000_000 <= len(answer) < 1_200_000
    assert time.monotonic() - began < 10


def test_less_than_enough_comes_whole() -> None:
    assert run_git(["--version"], enough_bytes=1_000_000) == run_git(["--version"])


def test_a_failure_carries_status_and_what_git_said() -> None:
    with pytest.raises(GitFailed) as caught:
        run_git(["no-such-command"])
    assert caught.value.exit_status == 1
    assert "is not a git command" in caught.value.message


def test_standard_error_is_heard_line_by_line() -> None:
    heard: list[str] = []
    run_git(["x"], config=[("alias.x", "!printf 'one\\rtwo\\nthree' >&2")], on_stderr=heard.append)
    assert heard == ["one", "two", "three"]


def test_nothing_of_our_environment_reaches_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    monkeypatch.setenv("GIT_SSH_COMMAND", "evil")
    assert b"hunter2" not in (seen := run_git(["x"], config=[("alias.x", "!env")]))
    assert b"GIT_SSH_COMMAND" not in seen


def test_the_users_own_configuration_does_not_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[user]\n\tname = from home\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(GitFailed):
        run_git(["config", "user.name"])


def test_relative_entries_of_path_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f".:bin:{os.environ['PATH']}")
    path = run_git(["x"], config=[("alias.x", '!printf %s "$PATH"')]).decode()
    assert all(entry.startswith("/") for entry in path.split(":"))


def test_time_out_ends_git_and_what_it_started(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(GitTimeout):
        run_git(
            ["x"], config=[("alias.x", f"!echo $$ > {pid_file}; trap '' TERM; sleep 600 & wait")], timeout_seconds=3
        )
    assert wait_until_gone(wait_for_pid(pid_file))


def test_an_error_of_the_listener_ends_git(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"

    def refuse(line: str) -> None:
        raise RuntimeError(line)

    with pytest.raises(RuntimeError, match="now"):
        run_git(["x"], config=[("alias.x", f"!echo $$ > {pid_file}; echo now >&2; exec sleep 600")], on_stderr=refuse)
    assert wait_until_gone(wait_for_pid(pid_file))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_git_dies_with_a_killed_server(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    alias = f"!echo $PPID > {pid_file}; exec sleep 600"
    code = f"from projects.git.process import run_git; run_git(['x'], config=[('alias.x', {alias!r})])"
    server = subprocess.Popen([sys.executable, "-c", code])
    git_pid = wait_for_pid(pid_file)
    server.send_signal(signal.SIGKILL)
    server.wait()
    assert wait_until_gone(git_pid)


WAITING_SERVICE = "echo $$ > {pid_file}; trap '' {deaf}; sleep 600 & wait; :"
FETCH = """
from pathlib import Path
from projects.git.process import run_git
allowed = {{"GIT_ALLOW_PROTOCOL": "file"}}
run_git(["fetch", "--upload-pack", {service!r}, "/"], git_dir=Path({git_dir!r}), environment=allowed)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
@pytest.mark.parametrize("deaf", ["INT", "TERM"])
def test_what_git_has_started_dies_with_a_killed_server(tmp_path: Path, deaf: str) -> None:
    """A child of git that does not look at its pipes, and one that is deaf to SIGTERM beside."""
    run_git(["init", "--quiet", "--bare", str(tmp_path / "r")])
    service = WAITING_SERVICE.format(pid_file=tmp_path / "pid", deaf=deaf)
    code = FETCH.format(service=service, git_dir=str(tmp_path / "r"))
    server = subprocess.Popen([sys.executable, "-c", code])
    child = psutil.Process(wait_for_pid(tmp_path / "pid"))
    session = os.getsid(child.pid)
    server.send_signal(signal.SIGKILL)
    server.wait()
    assert wait_until_gone(child.pid)
    assert wait_until_gone(session)


def test_a_fetch_that_is_over_leaves_nothing_running(tmp_path: Path) -> None:
    run_git(["init", "--quiet", "--bare", str(tmp_path / "r")])
    service = f"sh -c 'sleep 600 >/dev/null 2>&1 </dev/null & echo $! > {tmp_path}/pid; false'"
    with pytest.raises(GitFailed):
        run_git(
            ["fetch", "--upload-pack", service, "/"],
            git_dir=tmp_path / "r",
            environment={"GIT_ALLOW_PROTOCOL": "file"},
        )
    assert wait_until_gone(wait_for_pid(tmp_path / "pid"))


def test_git_gets_all_of_its_input_and_says_its_status_also_when_guarded(tmp_path: Path) -> None:
    run_git(["init", "--quiet", "--bare", str(tmp_path / "r")])
    with pytest.raises(GitFailed) as caught:
        run_git(["fetch", "--stdin", str(tmp_path / "none")], git_dir=tmp_path / "r", standard_input=b"a\nb\n")
    assert caught.value.exit_status == 128


def test_git_that_needs_too_much_memory_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projects.git.child.MEMORY_BYTES", 32 << 20)
    run_git(["init", "--quiet", "--bare", str(tmp_path / "r")])
    with pytest.raises(OutOfMemory):
        run_git(["hash-object", "--stdin"], git_dir=tmp_path / "r", standard_input=bytes(64 << 20))


def test_a_slow_git_may_be_looked_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projects.git.process.SLOW_SECONDS", 0.1)

    def look() -> None:
        raise RuntimeError("it waits for Godot")

    with pytest.raises(RuntimeError, match="Godot"):
        run_git(["x"], config=[("alias.x", "!exec sleep 600")], when_slow=look)


def test_a_full_disk_is_told_as_such() -> None:
    with pytest.raises(DiskFull):
        run_git(["x"], config=[("alias.x", "!echo 'fatal: write error: No space left on device' >&2; exit 128")])


def test_a_missing_folder_is_not_taken_for_a_missing_git(tmp_path: Path) -> None:
    with pytest.raises(GitFailed) as caught:
        run_git(["status"], git_dir=tmp_path / "none")
    assert caught.value.code == "folder-missing"


def test_a_missing_git_is_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("projects.git.child._dies_with_us", lambda: ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitFailed) as caught:
        run_git(["--version"])
    assert caught.value.code == "git-missing"


def test_credentials_are_scrubbed_from_what_git_says() -> None:
    assert scrub("fatal: https://ada:hunter2@host/x failed") == "fatal: https://host/x failed"


def test_what_would_steer_a_terminal_is_scrubbed() -> None:
    assert scrub("remote: \x1b]0;owned\x07\x9b2Jfine\tso\r\n") == "remote: ]0;owned2Jfine\tso\r\n"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    run_git(["init", "--quiet", "--bare", str(tmp_path / "r")])
    return tmp_path / "r"


def test_a_started_git_does_what_it_is_told_later(bare: Path) -> None:
    started = StartedGit(["hash-object", "-w", "--stdin"], git_dir=bare, environment={}, is_brief=True)
    blob = started.finish(b"x\n").decode().strip()
    assert run_git(["cat-file", "blob", blob], git_dir=bare) == b"x\n"
    assert started.has_ended


def test_a_held_git_begins_with_its_first_line_only(bare: Path, tmp_path: Path) -> None:
    alias = (("alias.x", f"!touch {tmp_path}/begun"),)
    StartedGit(["x"], git_dir=bare, environment={}, config=alias, is_held=True).end()
    assert not (tmp_path / "begun").exists()
    StartedGit(["x"], git_dir=bare, environment={}, config=alias, is_held=True).finish(b"go\n")
    assert (tmp_path / "begun").exists()


def test_an_index_is_free_again_when_a_started_git_is_told_nothing(bare: Path) -> None:
    started = StartedGit(["update-index", "--index-info"], git_dir=bare, environment={})
    assert wait_until(lambda: (bare / "index.lock").exists())
    started.end()
    assert (started.has_ended, list(bare.glob("index*"))) == (True, [])


@pytest.mark.parametrize("option", ["is_brief", "is_held"])
def test_a_started_git_ends_with_a_killed_server(bare: Path, tmp_path: Path, option: str) -> None:
    code = f"""
import pathlib, time
from projects.git.process import StartedGit
started = StartedGit(["cat-file", "--batch"], git_dir=pathlib.Path({str(bare)!r}), environment={{}}, {option}=True)
pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(started._process.pid))
time.sleep(600)
"""
    server = subprocess.Popen([sys.executable, "-c", code])
    git_pid = wait_for_pid(tmp_path / "pid")
    server.kill()
    server.wait()
    assert wait_until_gone(git_pid)
