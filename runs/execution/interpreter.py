"""Which folders a Python interpreter needs to be readable to start; refuses to guess for other programs."""

import sys
from pathlib import Path

_SYSTEM = (Path("/usr"), Path("/bin"), Path("/lib"), Path("/lib64"))


def interpreter_folders() -> tuple[Path, ...]:
    """This interpreter's installation, its virtual environment, and every stop of the links between the two.

    Only folders outside the system's own, each once, none inside another.
    """
    folders = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    folders |= {stop.parent.parent for stop in _links(Path(sys.executable))}
    wanted = {folder for folder in folders if folder != Path("/") and not _is_beneath(folder, _SYSTEM)}
    return tuple(sorted(folder for folder in wanted if not _is_beneath(folder, tuple(wanted - {folder}))))


def _links(executable: Path) -> list[Path]:
    stops = [executable]
    while stops[-1].is_symlink() and len(stops) < 40:
        stops.append(Path(stops[-1].parent, stops[-1].readlink()))
    return [Path(*_without_dots(stop)) for stop in stops]


def _without_dots(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return parts


def _is_beneath(folder: Path, others: tuple[Path, ...]) -> bool:
    return any(folder.is_relative_to(other) for other in others)
