"""A Python for agents that do not run on the server's own."""

import os
import sys
from pathlib import Path

import pytest

from settings_params.interpreters import find_python

pytestmark = pytest.mark.plumbing


@pytest.fixture
def pyenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with no Python but those that a test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def put(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return path


def test_the_servers_own_is_taken_where_it_will_do(pyenv: Path) -> None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert find_python(()) == find_python(("3.99", own)) == os.path.realpath(sys.executable)


def test_one_of_the_path_is_taken_by_its_own_word(pyenv: Path) -> None:
    real = put(pyenv / "opt/python3.98", "")
    put(pyenv / "bin/python3.98", f"echo '3.98 {real}'")
    assert find_python(("3.99", "3.98")) == str(real)


@pytest.mark.parametrize("says", ["exit 127", "echo '3.97 /usr/bin/python'", "echo hello", "echo '3.99 relative'"])
def test_one_that_is_not_what_its_name_says_is_none(pyenv: Path, says: str) -> None:
    put(pyenv / "bin/python3.99", says)
    assert find_python(("3.99",)) is None


def test_one_of_a_pyenv_is_found_where_none_is_chosen(pyenv: Path) -> None:
    put(pyenv / "bin/python3.99", "echo 'pyenv: python3.99: command not found' >&2; exit 127")
    chosen = pyenv / ".pyenv/versions/3.99.2/bin/python3.99"
    put(chosen, f"echo '3.99 {chosen}'")
    assert find_python(("3.99",)) == str(chosen)
