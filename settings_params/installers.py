"""Starts npm and pip, and puts what they say when they fail into sentences that tell the cure; it knows no Django."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_SHOWN_LINES = 12
_SHOWN_CHARACTERS = 2_000
# Theirs to read: what tells an installer where its packages are and how to get there. All else stays here.
_PASSED = re.compile(
    r"(?i)PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TMPDIR|(https?|no|all)_proxy|(npm_config|pip|uv|xdg)_\w+|ssl_cert_(file|dir)|"
    r"node_extra_ca_certs|requests_ca_bundle|curl_ca_bundle|python_?keyring\w*|netrc"
)
# The first that is found in an installer's words: no address is repeated, only what to do.
_CURES = (
    (re.compile(r"ENOSPC|No space left"), "The disk is full: make room, then retry."),
    (
        re.compile(r"E401|E403|\b401\b|\b403\b"),
        "The registry refuses this machine: give {manager} its login in {manager}'s own configuration, then retry.",
    ),
    (
        re.compile(r"ETARGET|No matching version|No matching distribution|E404|\b404\b"),
        "The registry has no such version: choose another --version, or look into {manager}'s own configuration.",
    ),
    (re.compile(r"Requires-Python|requires a different Python"), "The package does not run on this Python."),
    (
        re.compile(
            r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|UNABLE_TO_|CERT_|"
            r"Connection|Name or service|name resolution|timed out|SSLError|ProxyError"
        ),
        "The registry was not reached: check the network, HTTPS_PROXY, and {manager}'s own configuration, then retry.",
    ),
)


class InstallFailed(Exception):
    """An agent could not be installed; the message tells what to do."""


def run_installer(command: Sequence[str], folder: Path, lock: int, *, path: Path | None = None) -> None:
    """Runs it to its end with `path` before the PATH. Raises InstallFailed with the cure and its last words."""
    environment = _environment(path)
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],
                umask=0o022,
                check=False,
            )
        except OSError as error:
            raise InstallFailed(f"{command[0]} cannot be started ({error.strerror}): install it, then retry.") from None
        if done.returncode == 0:
            return
        output.seek(0)
        said = output.read().decode("utf-8", "replace")
    manager = "pip" if "pip" in command[:6] else "npm" if "install" in command else "Python"
    cure = next((cure for found, cure in _CURES if found.search(said)), "It did not say why in words known here.")
    last_words = "\n".join(said.strip().splitlines()[-_SHOWN_LINES:])[-_SHOWN_CHARACTERS:]
    raise InstallFailed(f"{cure.format(manager=manager)}\nThe end of what {manager} said:\n{last_words}")


def pip_command(python: Path | None) -> list[str]:
    """A pip that installs into that interpreter's environment (None: into the folder of a --target), or InstallFailed.

    The server's own environment is made without pip: its base interpreter has one, or the machine has uv.
    """
    quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--quiet"]
    place = [] if python is None else ["--python", str(python)]
    for base in dict.fromkeys((os.path.realpath(sys.executable), sys.executable)):
        if _has_pip(base):
            return [base, "-I", "-m", "pip", *place, "install", *quiet, "--no-user"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", *(place or ["--python", sys.executable]), "--quiet"]
    raise InstallFailed(
        "There is neither uv nor pip 22.3 for the server's Python: install one (apt install python3-pip)."
    )


def _has_pip(python: str) -> bool:
    if python == sys.executable and importlib.util.find_spec("pip") is None:
        return False
    code = "import pip, sys; sys.exit(tuple(int(n) for n in pip.__version__.split('.')[:2]) < (22, 3))"
    return subprocess.run([python, "-I", "-c", code], capture_output=True, check=False).returncode == 0


def _environment(path: Path | None) -> Mapping[str, str]:
    environment = {name: value for name, value in os.environ.items() if _PASSED.fullmatch(name)}
    paths = [*([str(path)] if path else []), environment.get("PATH", os.defpath)]
    return environment | {"PATH": os.pathsep.join(paths)}
