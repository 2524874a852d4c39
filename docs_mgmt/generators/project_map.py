"""The project map as Markdown: folder by folder what lies there, of which kind, how long, and what it is for.

It follows from the files alone: no commit, no times and no ranks are in it, so that the same files give the same
bytes. Of huge trees the deeper folders are counted, not listed.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from docs_mgmt.generators.markdown import code, counted, plain

MAX_FOLDERS = 300
MAX_DEPTH = 12
MAX_FILES = 2000
MAX_FILES_OF_FOLDER = 60
MAX_SYMBOLS = 6
_TELLS_OF_ITS_FOLDER = (
    "__init__.py",
    "README.md",
    "readme.md",
    "README.rst",
    "mod.rs",
    "lib.rs",
    "doc.go",
    "package-info.java",
)


@dataclass(frozen=True, slots=True)
class MapFile:
    """A file of the map; `symbols` are its definitions in order, `used_by` how many files of the project import it."""

    path: str
    language: str | None
    kind: str
    lines: int
    purpose: str | None = None
    symbols: tuple[str, ...] = ()
    used_by: int = 0


@dataclass(slots=True)
class _Folder:
    """What is told of one folder: its own files, and those of folders below it that are not told by themselves."""

    path: str
    own: list[MapFile] = field(default_factory=list)
    below: list[MapFile] = field(default_factory=list)


def render_project_map(files: Iterable[MapFile]) -> str:
    """The map in Markdown: a summary, then a section for each folder, in order of their paths."""
    ordered = sorted(files, key=lambda file: file.path.split("/"))
    if not ordered:
        return "The project has no files."
    folders, left_out = _folders_of(ordered)
    room = MAX_FILES
    parts = [_summary(ordered, len({_folder_of(file.path) for file in ordered}))]
    for folder in folders:
        section, shown = _section(folder, min(room, MAX_FILES_OF_FOLDER))
        room -= shown
        parts.append(section)
    if left_out:
        parts.append(f"{counted(left_out, 'more folder')} at the top are not listed.")
    return "\n\n".join(parts) + "\n"


def _folders_of(files: Sequence[MapFile]) -> tuple[list[_Folder], int]:
    """The folders that are told, as deep as there is room for, and how many at the top are left out all the same."""
    paths = {_folder_of(file.path) for file in files}
    depth = _depth_with_room(paths)
    folders: dict[str, _Folder] = {}
    for file in files:
        own = _folder_of(file.path)
        shown = _cut(own, depth)
        folder = folders.setdefault(shown, _Folder(shown))
        (folder.own if own == shown else folder.below).append(file)
    ordered = sorted(folders.values(), key=lambda folder: folder.path.split("/"))
    return ordered[:MAX_FOLDERS], max(0, len(ordered) - MAX_FOLDERS)


def _depth_with_room(paths: set[str]) -> int:
    """The greatest depth at which there are not too many folders, at least 1."""
    for depth in range(2, MAX_DEPTH + 1):
        if len({_cut(path, depth) for path in paths}) > MAX_FOLDERS:
            return depth - 1
    return MAX_DEPTH


def _cut(folder: str, depth: int) -> str:
    return "/".join(folder.split("/")[:depth])


def _folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _summary(files: Sequence[MapFile], folders: int) -> str:
    kinds = Counter(file.kind for file in files)
    rows = [f"| {kind} | {count:,} | {_lines(files, kind):,} |" for kind, count in _most(kinds)]
    languages = ", ".join(f"{plain(name)} {count:,}" for name, count in _most(_languages(files))[:8])
    told = f"{counted(len(files), 'file')} in {counted(folders, 'folder')}, {counted(_lines(files), 'line')}."
    head = f"{told} Languages by files: {languages}." if languages else told
    return "\n".join([head, "", "| kind | files | lines |", "| --- | ---: | ---: |", *rows])


def _section(folder: _Folder, room: int) -> tuple[str, int]:
    """The Markdown of one folder, and how many files it lists."""
    everything = [*folder.own, *folder.below]
    name = f"{code(folder.path)}" if folder.path else "The top folder"
    size = f"{counted(len(everything), 'file')}, {counted(_lines(everything), 'line')}"
    purpose = next((file.purpose for file in folder.own if _tells_of_folder(file)), None)
    parts = [f"### {name}", f"{plain(purpose)} ({size})" if purpose else f"{size}."]
    listed = _listed(folder.own, room)
    if listed:
        parts.append(
            "\n".join(
                ["| file | kind | lines | what | defines |", "| --- | --- | ---: | --- | --- |", *map(_row, listed)]
            )
        )
    unlisted = len(everything) - len(listed)
    if unlisted:
        parts.append(f"And {counted(unlisted, 'more file')}{' here and below' if folder.below else ''}.")
    return "\n\n".join(parts), len(listed)


def _listed(files: Sequence[MapFile], room: int) -> list[MapFile]:
    """Those that there is room for: the ones that most others use; in order of their paths."""
    chosen = sorted(files, key=lambda file: (-file.used_by, file.path))[: max(room, 0)]
    return sorted(chosen, key=lambda file: file.path)


def _row(file: MapFile) -> str:
    name = code(file.path.rpartition("/")[2])
    more = f" and {len(file.symbols) - MAX_SYMBOLS} more" if len(file.symbols) > MAX_SYMBOLS else ""
    symbols = ", ".join(code(symbol) for symbol in file.symbols[:MAX_SYMBOLS]) + more
    return f"| {name} | {plain(file.kind)} | {file.lines:,} | {plain(file.purpose or '')} | {symbols} |"


def _tells_of_folder(file: MapFile) -> bool:
    return bool(file.purpose) and file.path.rpartition("/")[2] in _TELLS_OF_ITS_FOLDER


def _languages(files: Iterable[MapFile]) -> Counter[str]:
    return Counter(file.language for file in files if file.language)


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def _lines(files: Iterable[MapFile], kind: str | None = None) -> int:
    return sum(file.lines for file in files if kind is None or file.kind == kind)
