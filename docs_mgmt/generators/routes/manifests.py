"""Files that name a project's programs: pyproject, setup.cfg, package.json, Cargo.toml, Dockerfiles, Procfiles."""

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from configparser import Error as ConfigError
from typing import Any

from docs_mgmt.generators.routes.reading import Reader
from docs_mgmt.generators.routes.shapes import EntryPoint

MAX_CHARACTERS = 160
MAX_SCRIPTS = 50
_STARTS = re.compile(r"(?:start|serve|dev|develop|worker|cli|migrate)(?:[:_-].*)?")
_IMAGE_COMMAND = re.compile(r"^[ \t]{0,20}(CMD|ENTRYPOINT)[ \t]+(.*)$", re.MULTILINE | re.IGNORECASE)
_PROCESS = re.compile(r"^([A-Za-z0-9_-]{1,60}):[ \t]*(\S.*)$", re.MULTILINE)


def _pyproject(reader: Reader, path: str, content: bytes) -> Iterator[EntryPoint]:
    found = _toml(reader, path, content)
    project, poetry = _table(found, "project"), _table(found, "tool", "poetry")
    for scripts in (_table(project, "scripts"), _table(project, "gui-scripts"), _table(poetry, "scripts")):
        for name, target in list(scripts.items())[:MAX_SCRIPTS]:
            yield _console_script(reader, path, content.decode("utf-8", "replace"), name, str(target))


def _setup_cfg(reader: Reader, path: str, content: bytes) -> Iterator[EntryPoint]:
    parser = ConfigParser(interpolation=None, strict=False)
    text = content.decode("utf-8", "replace")
    try:
        parser.read_string(text)
    except ConfigError:
        reader.fail(path, "no configuration that is understood")
        return
    lines = parser.get("options.entry_points", "console_scripts", fallback="").splitlines()
    for name, sign, target in (line.partition("=") for line in lines[:MAX_SCRIPTS]):
        if sign:
            yield _console_script(reader, path, text, name.strip(), target.strip())


def _console_script(reader: Reader, path: str, text: str, name: str, target: str) -> EntryPoint:
    stem = target.partition(":")[0].replace(".", "/")
    folder = path.rpartition("/")[0]
    tried = (posixpath.join(folder, base, f"{stem}{end}") for base in ("", "src") for end in (".py", "/__init__.py"))
    known = set(reader.paths)
    return EntryPoint(
        "console script", _short(name), path, _line(text, name), next((each for each in tried if each in known), None)
    )


def _package(reader: Reader, path: str, content: bytes) -> Iterator[EntryPoint]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        reader.fail(path, "no JSON that is understood")
        return
    text = content.decode("utf-8", "replace")
    given = found.get("bin") if isinstance(found, dict) else None
    bins = {str(found.get("name", path)): given} if isinstance(given, str) else _table(found, "bin")
    for name, target in list(bins.items())[:MAX_SCRIPTS]:
        yield EntryPoint("package bin", _short(name), path, _line(text, '"bin"'), _file(reader, path, target))
    if isinstance(found, dict) and isinstance(main := found.get("main"), str):
        yield EntryPoint("package main", _short(main), path, _line(text, '"main"'), _file(reader, path, main))
    for name, command in list(_table(found, "scripts").items())[:MAX_SCRIPTS]:
        if _STARTS.fullmatch(name):
            shown = f"npm run {name}: {command}"
            yield EntryPoint(
                "package script", _short(shown), path, _line(text, f'"{name}"'), _named_file(reader, path, command)
            )


def _cargo(reader: Reader, path: str, content: bytes) -> Iterator[EntryPoint]:
    bins = _toml(reader, path, content).get("bin")
    for each in bins[:MAX_SCRIPTS] if isinstance(bins, list) else ():
        if isinstance(each, dict) and isinstance(name := each.get("name"), str):
            line = _line(content.decode("utf-8", "replace"), f'"{name}"')
            yield EntryPoint("console script", _short(name), path, line, _file(reader, path, each.get("path")))


def _dockerfile(reader: Reader, path: str, content: bytes) -> Iterator[EntryPoint]:
    """The last of each counts: those before are of other stages, or replaced."""
    text = content.decode("utf-8", "replace")
    last = {found[1].upper(): found for found in _IMAGE_COMMAND.finditer(text)}
    for found in last.values():
        line = text.count("\n", 0, found.start()) + 1
        yield EntryPoint("container", _short(found[2]), path, line, _named_file(reader, path, found[2]))


def _procfile(reader: Reader, path: str, content: bytes) -> Iterator[EntryPoint]:
    text = content.decode("utf-8", "replace")
    for found in list(_PROCESS.finditer(text))[:MAX_SCRIPTS]:
        line = text.count("\n", 0, found.start()) + 1
        yield EntryPoint("process", _short(f"{found[1]}: {found[2]}"), path, line, _named_file(reader, path, found[2]))


Manifest = Callable[[Reader, str, bytes], Iterator[EntryPoint]]
MANIFESTS: tuple[tuple[re.Pattern[str], Manifest], ...] = (
    (re.compile(r"pyproject\.toml"), _pyproject),
    (re.compile(r"setup\.cfg"), _setup_cfg),
    (re.compile(r"package\.json"), _package),
    (re.compile(r"Cargo\.toml"), _cargo),
    (re.compile(r"(?:.*\.)?(?:Dockerfile|Containerfile)(?:\..*)?"), _dockerfile),
    (re.compile(r"Procfile(?:\..*)?"), _procfile),
)
"""How files of these names are read."""


def _toml(reader: Reader, path: str, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        reader.fail(path, "no TOML that is understood")
        return {}


def _table(found: Any, *names: str) -> dict[str, Any]:
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _file(reader: Reader, path: str, target: Any) -> str | None:
    """A file of the project that a manifest names, beside the manifest."""
    if not isinstance(target, str):
        return None
    stem = posixpath.normpath(posixpath.join(path.rpartition("/")[0], target))
    known = set(reader.paths)
    return next((each for each in (stem, f"{stem}.js", f"{stem}/index.js") if each in known), None)


def _named_file(reader: Reader, path: str, command: Any) -> str | None:
    """The first word of a command that is a file of the project."""
    words = re.findall(r"[\w./-]+", str(command)[:1000])
    return next((found for word in words if "/" in word or "." in word if (found := _file(reader, path, word))), None)


def _line(text: str, word: str) -> int:
    """Where a word first stands, 1 where it does not stand as it is."""
    place = text.find(word)
    return text.count("\n", 0, place) + 1 if place >= 0 else 1


def _short(text: Any) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= MAX_CHARACTERS else f"{line[: MAX_CHARACTERS - 1]}…"
