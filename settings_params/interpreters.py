"""Finds a Python of a version that an agent's package runs on: the server's own, else one of the machine's."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

_SAYS = "import sys, venv; print('%d.%d' % sys.version_info[:2], sys.executable)"
_ANSWER_SECONDS = 20


def find_python(versions: Sequence[str]) -> str | None:
    """The path of an interpreter whose minor version (`3.12`) is one of these, the first ones preferred.

    A pyenv's are found too, where its own `python3.12` only says that none is chosen.
    """
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not versions or own in versions:
        return os.path.realpath(sys.executable)
    answers = (_answer(path, version) for version in versions for path in _places(version))
    return next((found for found in answers if found), None)


def _places(version: str) -> Iterator[Path]:
    name = f"python{version}"
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        yield Path(folder, name)
    pyenv = Path.home() / ".pyenv/versions"
    with suppress(OSError):
        for chosen in sorted(pyenv.glob(f"{version}.*")):
            yield chosen / "bin" / name


def _answer(path: Path, version: str) -> str | None:
    """The interpreter itself, when it is what its name says and can make environments."""
    if not path.is_absolute() or not path.is_file():
        return None
    with suppress(OSError, subprocess.SubprocessError):
        command = [str(path), "-I", "-c", _SAYS]
        said = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False).stdout
        found, _, program = said.strip().partition(" ")
        if found == version and Path(program).is_absolute():
            return os.path.realpath(program)
    return None
