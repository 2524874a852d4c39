"""What is to run in a sandbox: paths, command, environment and limits; it starts nothing and touches no file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runs.execution.sandbox.errors import SandboxSpecInvalid

NOBODY = 65534
GIBIBYTE = 1024**3
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
BRIDGED = Path("/run/quarterdeck")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")  # POSIX; a shell drops every other
# The outermost process runs with this environment before anything is dropped: the dynamic linker must not obey it.
LINKER_VARIABLE = re.compile(r"LD_|GLIBC_TUNABLES|DYLD_|MALLOC_|GCONV_PATH|LOCPATH|NLSPATH|RES_OPTIONS|LOCALDOMAIN")


@dataclass(frozen=True)
class Limits:
    """What one sandbox may use at most.

    ``processes`` counts threads too, as RLIMIT_NPROC does. ``tmpfs_bytes`` bounds each of /tmp and /dev/shm,
    ``file_size_bytes`` one file, ``disk_bytes`` the work tree and the home together.
    """

    memory_bytes: int = 4 * GIBIBYTE
    processes: int = 1024
    open_files: int = 4096
    file_size_bytes: int = 4 * GIBIBYTE
    tmpfs_bytes: int = GIBIBYTE // 2
    disk_bytes: int = 20 * GIBIBYTE


@dataclass(frozen=True)
class Bridge:
    """A listening unix socket of the server's, which the command reaches as 127.0.0.1:``port``.

    The socket must let the sandbox's uid connect; one that is made anew later is not seen. Where the network is the
    machine's own, so is the port: then it must be a free one.
    """

    port: int
    socket: Path

    @property
    def inside(self) -> Path:
        """Where the sandbox shows the socket."""
        return BRIDGED / f"{self.port}.sock"


@dataclass(frozen=True)
class SandboxSpec:
    """One command with everything that it may see.

    ``work_tree`` and ``home`` are writable and must belong to ``uid`` (see ``ownership.give_to``). ``environment`` is
    complete: only ``PWD`` is added (``SHLVL`` and ``_`` too where /bin/sh is bash). ``read_only`` are folders or files
    shown at their own path, ``read_only_if_there`` too where they are still there at the start. ``hidden`` are shown
    empty where something else would show them (a server's home below /usr). ``shares_network`` leaves it the machine's
    network, with its loopback and its abstract unix sockets. ``uid`` and ``gid`` count only for a server that runs as
    root; another server's sandbox keeps its own.
    """

    work_tree: Path
    home: Path
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    read_only: tuple[Path, ...] = ()
    read_only_if_there: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    bridges: tuple[Bridge, ...] = ()
    limits: Limits = Limits()
    shares_network: bool = False
    uid: int = NOBODY
    gid: int = NOBODY

    def __post_init__(self) -> None:
        _check_command(self.command)
        _check_environment(self.environment)
        _check_ports([bridge.port for bridge in self.bridges])
        sockets = [bridge.socket for bridge in self.bridges]
        for path in (self.work_tree, self.home, *self.read_only, *self.read_only_if_there, *self.hidden, *sockets):
            _check_path(path)
        if self.uid <= 0 or self.gid <= 0:
            raise SandboxSpecInvalid("An agent must not run as root: give the sandbox a uid and gid above 0.")


def minimal_environment(home: Path) -> dict[str, str]:
    """The least that ordinary tools expect; the caller makes ``home/tmp``."""
    return {
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "PATH": SYSTEM_PATH,
        "LANG": "C.UTF-8",
        "USER": "agent",
        "LOGNAME": "agent",
        "SHELL": "/bin/sh",
    }


def _check_command(command: tuple[str, ...]) -> None:
    if not command or any("\0" in word for word in command):
        raise SandboxSpecInvalid("A sandbox needs a command, without NUL characters.")


def _check_environment(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        if not VARIABLE.fullmatch(name) or "\0" in value:
            raise SandboxSpecInvalid(f"Environment variable {name!r} has an unportable name or a NUL in its value.")
        if LINKER_VARIABLE.match(name):
            raise SandboxSpecInvalid(f"Environment variable {name} would change the sandbox itself: leave it out.")


def _check_ports(ports: list[int]) -> None:
    if len(set(ports)) < len(ports) or not all(0 < port < 65536 for port in ports):
        raise SandboxSpecInvalid("Each bridge of a sandbox needs a port of its own, from 1 to 65535.")


def _check_path(path: Path) -> None:
    if not path.is_absolute() or ".." in path.parts or path == Path("/"):
        raise SandboxSpecInvalid(f"{path} cannot be shown in a sandbox: give an absolute path below /.")
