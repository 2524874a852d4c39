"""Where an agent's program is and what must be readable for it to start; never more than that of a person's home."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from .profile import Setting

_SYSTEM = (Path("/usr"), Path("/bin"), Path("/lib"), Path("/lib64"))


def program(setting: Setting, name: str) -> Path:
    """The program itself, behind all links: among what the server installed, else in the server's PATH."""
    found = _found(setting, name)
    return found.resolve() if found.exists() else found


def node_command(setting: Setting, name: str) -> tuple[str, str]:
    """Of a program of npm's: Node.js and the script, so that neither is looked for in the sandbox's PATH."""
    return str(program(setting, "node")), str(program(setting, name))


def python_command(setting: Setting, name: str) -> tuple[str]:
    """Of a program of PyPI's: its script, whose first line names the interpreter of its environment."""
    return (str(program(setting, name)),)


def readable(setting: Setting, *programs: Path) -> tuple[Path, ...]:
    """The folders that hold the programs, outside the system's own; a program that stands alone, by itself."""
    rooms = {room for each in programs for room in _rooms(setting, each)}
    return tuple(sorted(room for room in rooms if not _is_beneath(room, (*_SYSTEM, *(rooms - {room})))))


def readable_environment(setting: Setting, name: str) -> tuple[Path, ...]:
    """The Python environment of a program of PyPI's, and the interpreter that it was made with."""
    script = program(setting, name)
    return readable(setting, script, script.with_name("python").resolve().parent.parent)


def _found(setting: Setting, name: str) -> Path:
    installed = setting.installation / "bin" / name if setting.installation else None
    return installed if installed is not None and installed.exists() else Path(shutil.which(name) or f"/usr/bin/{name}")


def _rooms(setting: Setting, path: Path) -> Iterable[Path]:
    environment = path.parent.parent
    if setting.installation is not None and path.is_relative_to(setting.installation):
        yield setting.installation
    elif "node_modules" in path.parts:
        yield Path(*path.parts[: path.parts.index("node_modules") + 1])
    elif (environment / "pyvenv.cfg").exists():
        yield environment
    else:
        yield path


def _is_beneath(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
