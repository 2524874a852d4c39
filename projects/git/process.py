"""The one way git is run: an argv list, its own session, a time limit; it never goes through a shell."""

import contextlib
import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import IO

from projects.git.child import GRACE_SECONDS, ended_at_exit, start_git
from projects.git.environment import git_environment
from projects.git.errors import DiskFull, FetchTooLarge, GitError, GitFailed, GitTimeout, OutOfMemory

CHUNK_BYTES = 1 << 16
KEPT_ERROR_BYTES = 1 << 16
SLOW_SECONDS = 2.0
"""After so long a caller may look what git is at: see `when_slow`."""


def run_git(
    args: Sequence[str],
    *,
    git_dir: Path | None = None,
    work_tree: Path | None = None,
    environment: Mapping[str, str] | None = None,
    config: Sequence[tuple[str, str]] = (),
    standard_input: bytes | None = None,
    timeout_seconds: float = 60,
    on_stderr: Callable[[str], None] | None = None,
    when_slow: Callable[[], None] | None = None,
    enough_bytes: int | None = None,
    file_bytes: int | None = None,
) -> bytes:
    """Run `git ARGS` and return its standard output; with `enough_bytes` git is ended as soon as it gave that much.

    `environment` and `config` add to the fixed ones of `environment.py`. `on_stderr` gets every line of standard
    error (split at CR and LF) in the calling thread; `when_slow` is called there once, after SLOW_SECONDS, and may
    raise what keeps git. Raises GitTimeout after `timeout_seconds`, DiskFull, OutOfMemory, or GitFailed with the exit
    status and everything that git said.
    """
    process = start_git(
        args,
        git_environment(git_dir=git_dir, work_tree=work_tree, environment=environment, config=config),
        work_tree or git_dir or Path("/"),
        has_input=standard_input is not None,
        file_bytes=file_bytes,
    )
    patience = _Patience(timeout_seconds, when_slow)
    output = _Output(enough_bytes)
    with ended_at_exit(process):
        try:
            return _finish(process, standard_input or b"", patience, output, on_stderr)
        except _Enough:
            return bytes(output.kept)


class StartedGit:
    """A git that was started before what it is to do was known, so that its start costs no time then.

    For commands that do what their standard input says, and nothing where that is empty.
    """

    def __init__(
        self,
        args: Sequence[str],
        *,
        git_dir: Path,
        work_tree: Path | None = None,
        environment: Mapping[str, str],
        config: Sequence[tuple[str, str]] = (),
        is_brief: bool = False,
        is_held: bool = False,
    ) -> None:
        """Parameters as of `run_git` and `start_git`."""
        variables = git_environment(git_dir=git_dir, work_tree=work_tree, environment=environment, config=config)
        folder = work_tree or git_dir
        self._process = start_git(args, variables, folder, has_input=True, is_brief=is_brief, is_held=is_held)

    @property
    def has_ended(self) -> bool:
        """Was it finished or ended?"""
        return self._process.returncode is not None

    def finish(
        self,
        standard_input: bytes,
        *,
        timeout_seconds: float = 600,
        on_stderr: Callable[[str], None] | None = None,
        when_slow: Callable[[], None] | None = None,
    ) -> bytes:
        """What it says to this input, once only; parameters and errors as of `run_git`."""
        with ended_at_exit(self._process):
            patience = _Patience(timeout_seconds, when_slow)
            return _finish(self._process, standard_input, patience, _Output(None), on_stderr)

    def end(self) -> None:
        """Let it do nothing, and wait for its end. It may have ended before.

        No signal: one that meets git just as it takes a lock file would leave that.
        """
        if not self.has_ended:
            with contextlib.suppress(GitError):
                self.finish(b"", timeout_seconds=GRACE_SECONDS)


def stream_git(
    args: Sequence[str],
    *,
    git_dir: Path | None = None,
    environment: Mapping[str, str] | None = None,
    standard_input: bytes | None = None,
    wait_seconds: float = 300,
) -> Generator[bytes, None, None]:
    """Run `git ARGS` and give its standard output piece by piece, of CHUNK_BYTES at most: nothing is gathered.

    Git waits for whoever takes the pieces, and is ended when the iterator is closed. GitTimeout when it gives nothing
    for `wait_seconds`; other errors as of `run_git`, after the last piece.
    """
    process = start_git(
        args,
        git_environment(git_dir=git_dir, work_tree=None, environment=environment, config=()),
        git_dir or Path("/"),
        has_input=standard_input is not None,
        is_brief=standard_input is not None,  # without us it has neither input nor anywhere to write to
    )
    error = _Lines(None)
    pieces: list[bytes] = []
    left = memoryview(standard_input or b"")
    with ended_at_exit(process), selectors.DefaultSelector() as selector:
        _watch(selector, process.stdout, selectors.EVENT_READ, pieces.append)
        _watch(selector, process.stderr, selectors.EVENT_READ, error.feed)
        _watch(selector, process.stdin, selectors.EVENT_WRITE, None)
        while selector.get_map():
            ready = selector.select(wait_seconds)
            if not ready:
                raise _timed_out()
            for key, _ in ready:
                if key.data is None:
                    left = _write_some(selector, key, left)
                else:
                    _read_some(selector, key)
            yield from pieces
            pieces.clear()
        _await_end(process, _Patience(wait_seconds, None))
        status = process.wait(wait_seconds)
    if status:
        raise _failure(status, b"", bytes(error.kept))


def scrub(text: str) -> str:
    """The text with user names and passwords of URLs taken out, and what would steer a terminal."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", "", re.sub(r"://[^/@\s]*@", "://", text))


class _Patience:
    """How long git may take, and when somebody looks what keeps it."""

    def __init__(self, timeout_seconds: float, when_slow: Callable[[], None] | None) -> None:
        now = time.monotonic()
        self._deadline, self._slow_at = now + timeout_seconds, now + SLOW_SECONDS
        self._when_slow = when_slow

    def left(self) -> float:
        """Seconds until this is to be asked again. Raises GitTimeout when time is up, and what `when_slow` raises."""
        now = time.monotonic()
        if now >= self._deadline:
            raise _timed_out()
        if self._when_slow is not None and now >= self._slow_at:
            look, self._when_slow = self._when_slow, None
            look()
        until = self._deadline if self._when_slow is None else min(self._slow_at, self._deadline)
        return max(0.0, until - now)


class _Enough(Exception):
    """The caller has as much as it wanted."""


class _Output:
    """Standard output, up to where the caller has enough."""

    def __init__(self, enough_bytes: int | None) -> None:
        self.kept = bytearray()
        self._enough_bytes = enough_bytes

    def feed(self, data: bytes) -> None:
        self.kept += data
        if self._enough_bytes is not None and len(self.kept) >= self._enough_bytes:
            raise _Enough


def _finish(
    process: subprocess.Popen[bytes],
    data: bytes,
    patience: _Patience,
    output: "_Output",
    on_line: Callable[[str], None] | None,
) -> bytes:
    """Feed standard input, drain both outputs and wait for the end; or raise what came in between."""
    error = _converse(process, data, patience, output, on_line)
    _await_end(process, patience)
    try:
        status = process.wait(patience.left())
    except subprocess.TimeoutExpired:
        raise _timed_out() from None
    if status:
        raise _failure(status, bytes(output.kept), error)
    return bytes(output.kept)


def _await_end(process: subprocess.Popen[bytes], patience: _Patience) -> None:
    """Python's own wait with a time limit looks again and again, and sleeps a millisecond and more in between."""
    if sys.platform != "linux" or process.poll() is not None:
        return
    try:
        descriptor = os.pidfd_open(process.pid)
    except OSError:  # an older kernel
        return
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not selector.select(patience.left()):
                pass
    finally:
        os.close(descriptor)


def _converse(
    process: subprocess.Popen[bytes],
    data: bytes,
    patience: "_Patience",
    output: _Output,
    on_line: Callable[[str], None] | None,
) -> bytes:
    """Feed standard input and drain both outputs until they close, or raise GitTimeout; gives standard error."""
    error = _Lines(on_line)
    with selectors.DefaultSelector() as selector:
        _watch(selector, process.stdout, selectors.EVENT_READ, output.feed)
        _watch(selector, process.stderr, selectors.EVENT_READ, error.feed)
        _watch(selector, process.stdin, selectors.EVENT_WRITE, None)
        left = memoryview(data)
        while selector.get_map():
            for key, _ in selector.select(patience.left()):
                if key.data is None:
                    left = _write_some(selector, key, left)
                else:
                    _read_some(selector, key)
    error.finish()
    return bytes(error.kept)


def _watch(
    selector: selectors.BaseSelector,
    stream: IO[bytes] | None,
    event: int,
    take: Callable[[bytes], None] | None,
) -> None:
    if stream is not None:
        os.set_blocking(stream.fileno(), False)
        selector.register(stream, event, take)


def _write_some(selector: selectors.BaseSelector, key: selectors.SelectorKey, left: memoryview) -> memoryview:
    try:
        left = left[os.write(key.fd, left[:CHUNK_BYTES]) :]
    except BlockingIOError:
        return left
    except BrokenPipeError:
        left = left[:0]
    if not left:
        _close(selector, key)
    return left


def _read_some(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    data = os.read(key.fd, CHUNK_BYTES)
    if data:
        key.data(data)
    else:
        _close(selector, key)


def _close(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    selector.unregister(key.fileobj)
    with contextlib.suppress(BrokenPipeError):
        key.fileobj.close()  # type: ignore[union-attr]  # registered as streams only


class _Lines:
    """Standard error, cut at CR and LF for the listener; only the last KEPT_ERROR_BYTES are kept."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self.kept = bytearray()
        self._on_line = on_line
        self._rest = b""

    def feed(self, data: bytes) -> None:
        self.kept += data
        del self.kept[:-KEPT_ERROR_BYTES]
        if self._on_line is not None:
            *lines, self._rest = re.split(rb"[\r\n]", self._rest + data)
            for line in lines:
                self._tell(line)

    def finish(self) -> None:
        self._tell(self._rest)

    def _tell(self, line: bytes) -> None:
        if line and self._on_line is not None:
            self._on_line(scrub(line.decode("utf-8", "replace")))


def _timed_out() -> GitTimeout:
    return GitTimeout("Git did not finish in the time given and was stopped. Try again, or raise the time limit.")


def _failure(status: int, output: bytes, error: bytes) -> GitError:
    said = scrub(error.decode("utf-8", "replace"))
    if "No space left on device" in said or "Disk quota exceeded" in said:
        return DiskFull("The server's disk is full. Its operator must free space; then try again.")
    if "File too large" in said:
        return FetchTooLarge(
            "The remote sends more than a project may use of the disk here. An operator can raise the param "
            "retention.disk_quota_gb, or set git.clone_depth, so that less of the history comes."
        )
    if "out of memory" in said.lower():
        return OutOfMemory(
            "Git would need more memory for this than it may have. Something in the repository is too large, or is "
            "made to look so: its owner must take it out."
        )
    lines = [line.strip() for line in re.split(r"[\r\n]+", said) if line.strip()]
    last = lines[-1] if lines else f"git ended with status {status} and said nothing"
    return GitFailed(f"Git failed: {last[:500]}", exit_status=status, standard_output=output, standard_error=said)
