"""The Python interpreters of this machine that the project supports."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
TRY_SECONDS = 20


def others() -> dict[str, str | None]:
    """For each supported version but the running one: an interpreter that really works, or None."""
    return {version: find(version) for version in SUPPORTED if version != running()}


def running() -> str:
    """The version of this interpreter."""
    return "{}.{}".format(*sys.version_info)


def ends(others: Mapping[str, str | None]) -> tuple[str, str]:
    """The oldest and the newest version that this machine has, the running one among them."""
    there = [version for version in SUPPORTED if version == running() or others.get(version)]
    return there[0], there[-1]


def find(version: str) -> str | None:
    """The first working interpreter of a version (`3.12`), on the PATH or among pyenv's."""
    return next((path for path in candidates(version) if works(path, version)), None)


def candidates(version: str) -> list[str]:
    """Paths to try, in order. A path may be a shim that only complains."""
    name = f"python{version}"
    on_path = [shutil.which(name, path=folder) for folder in os.get_exec_path()]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    return [path for path in on_path if path] + [str(path) for path in sorted(pyenv.glob(f"{version}.*/bin/{name}"))]


def works(path: str, version: str) -> bool:
    """Whether the interpreter starts, is of the version and can make an environment."""
    program = "import ensurepip, sqlite3, ssl, sys, venv; print('{}.{}'.format(*sys.version_info))"
    try:
        done = subprocess.run(
            [path, "-I", "-c", program], capture_output=True, text=True, timeout=TRY_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version
