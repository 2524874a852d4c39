"""How an agent's program is started and what it needs readable, whether this server installed it or the PATH has it."""

import shutil
from pathlib import Path

from .profile import Setting

_SYSTEM = (Path("/usr"), Path("/bin"), Path("/lib"), Path("/lib64"))


def program(setting: Setting, name: str) -> tuple[str, ...]:
    """The argv that starts the program of that name; one for Node.js is given its Node.js, which no PATH must have."""
    path = _path_of(setting, name)
    node = _node(setting)
    return (str(node), str(path)) if node is not None and _is_for_node(path) else (str(path),)


def program_folders(setting: Setting, name: str) -> tuple[Path, ...]:
    """The folders outside the system's own that the program needs: its installation, its Node.js or Python."""
    path = _path_of(setting, name)
    folders = [setting.installation or _package_folder(path.resolve())]
    interpreters = (_node(setting), path.parent / "python")
    folders += [each.resolve().parent.parent for each in interpreters if each is not None and each.exists()]
    return tuple(folder for folder in dict.fromkeys(folders) if not any(map(folder.is_relative_to, _SYSTEM)))


def node_folder(setting: Setting) -> str:
    """Where the program's Node.js is, for a PATH; empty when there is none."""
    node = _node(setting)
    return str(node.resolve().parent) if node is not None and node.exists() else ""


def _path_of(setting: Setting, name: str) -> Path:
    if setting.installation is not None:
        return setting.installation / "bin" / name
    return Path(shutil.which(name) or name)


def _node(setting: Setting) -> Path | None:
    if setting.installation is not None:
        node = setting.installation / "bin/node"
        return node if node.is_symlink() else None
    found = shutil.which("node")
    return Path(found) if found else None


def _is_for_node(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            first = file.readline(200)
    except OSError:
        return False
    return first.startswith(b"#!") and b"node" in first


def _package_folder(path: Path) -> Path:
    """All that was installed with a program: its npm prefix, its Python environment, else its own folder."""
    for folder in path.parents:
        if (folder / "pyvenv.cfg").exists():
            return folder
    parts = path.parts
    if "node_modules" in parts:
        return Path(*parts[: parts.index("node_modules") + 1])
    return path.parent
