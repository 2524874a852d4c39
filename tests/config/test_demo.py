"""`bin/demo --exit`: 0 when the whole road was walked, the reason when not, and nothing left either way."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import git
from tests.serving import ROOT

pytestmark = pytest.mark.plumbing
Demo = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def demo(tmp_path: Path) -> Demo:
    """Runs the demo to its end."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()

    def walk(repository: str | Path) -> "subprocess.CompletedProcess[str]":
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_START") if name in os.environ}
        done = subprocess.run(
            [sys.executable, "-m", "config.demo", "--exit", str(repository)],
            cwd=ROOT,
            env={**kept, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        assert not list(temporary.glob("quarterdeck-demo-*")), "the demo's folder is left"
        return done

    return walk


def test_a_small_repository_gets_the_pushed_branch(demo: Demo, remote: Path) -> None:
    done = demo(remote)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "run_completed" in done.stdout
    branches = git("for-each-ref", "--format=%(refname:short)", "refs/heads/quarterdeck", cwd=remote).split()
    assert len(branches) == 1
    assert "Quarterdeck was here." in git("show", f"{branches[0]}:LOGBOOK.md", cwd=remote)


def test_what_is_no_repository_ends_with_the_reason(demo: Demo, tmp_path: Path) -> None:
    done = demo(tmp_path / "nothing")
    assert done.returncode == 1
    assert done.stderr.startswith("demo failed: ")
    assert "clone failed" in done.stderr.splitlines()[0] or "422" in done.stderr.splitlines()[0]


def test_an_empty_repository_ends_with_the_reason(demo: Demo, tmp_path: Path) -> None:
    git("init", "-q", "--bare", tmp_path / "empty.git")
    done = demo(tmp_path / "empty.git")
    assert done.returncode == 1
    assert "empty" in done.stderr.splitlines()[0] or "no commit" in done.stderr.splitlines()[0]
