"""The sandbox's file system as bubblewrap arguments, a root built from nothing; it never shows the machine's own root.

Mounts come in the order of their paths, so that the innermost wins: a work tree inside a hidden folder is seen, what
lies beside it is not.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runs.execution.sandbox.spec import SandboxSpec

ROOT = Path("/")
SYSTEM_FOLDERS = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
# Names and certificates, no keys and no passwords. Debian keeps half of /usr/bin behind /etc/alternatives.
SYSTEM_FILES = (
    "passwd",
    "group",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "localtime",
    "mime.types",
    "ssl/certs",
    "ssl/cert.pem",
    "ssl/openssl.cnf",
    "pki/ca-trust/extracted",
    "pki/tls/certs",
    "pki/tls/cert.pem",
    "pki/tls/openssl.cnf",
    "crypto-policies",
)
# How names are looked up: for a sandbox that shares the machine's network.
NETWORK_FILES = ("resolv.conf", "nsswitch.conf", "hosts", "host.conf", "gai.conf", "services", "protocols")
# No name but localhost: the machine's own file may name what is none of an agent's business.
HOSTS_FILE = Path(__file__).with_name("hosts")


@dataclass(frozen=True)
class Mount:
    """Something that appears at ``path``; ``is_made`` when bubblewrap makes it, so that folders in it must be made."""

    path: Path
    arguments: tuple[str, ...]
    is_made: bool = False
    closes_read_only: bool = False


def mount_arguments(spec: SandboxSpec, also_read_only: Iterable[Path] = ()) -> tuple[str, ...]:
    """Everything the sandbox sees. ``also_read_only``: what the sandbox's own stages need (bwrap of a wheel)."""
    chosen: dict[Path, Mount] = {}
    for mount in _all_mounts(spec, also_read_only):
        chosen[mount.path] = mount
    return tuple(_arguments([chosen[path] for path in sorted(chosen, key=lambda path: path.parts)]))


def _all_mounts(spec: SandboxSpec, also_read_only: Iterable[Path]) -> Iterator[Mount]:
    yield from _system_mounts(spec.limits.tmpfs_bytes)
    if spec.shares_network:
        yield from _files_of_etc(NETWORK_FILES)
    yield from (_hidden(path) for path in spec.hidden if _would_be_seen(path, spec))
    for path in (*also_read_only, *spec.read_only):
        if not _is_behind_system_link(path):
            yield Mount(path, ("--ro-bind", str(path), str(path)))
    for path in spec.read_only_if_there:
        yield Mount(path, ("--ro-bind-try", str(path), str(path)))
    for path in (spec.home, spec.work_tree):
        yield Mount(path, ("--bind", str(path), str(path)))
    for bridge in spec.bridges:
        yield Mount(bridge.inside, ("--bind", str(bridge.socket), str(bridge.inside)))


def _system_mounts(tmpfs_bytes: int) -> Iterator[Mount]:
    for folder in (ROOT / name for name in SYSTEM_FOLDERS):
        if folder.is_symlink():
            yield Mount(folder, ("--symlink", str(folder.readlink()), str(folder)))
        elif folder.is_dir():
            yield Mount(folder, ("--ro-bind", str(folder), str(folder)))
    yield from _files_of_etc(SYSTEM_FILES)
    yield Mount(ROOT / "etc/hosts", ("--ro-bind", str(HOSTS_FILE), "/etc/hosts"))
    yield Mount(ROOT / "proc", ("--proc", "/proc"))
    # Made by bubblewrap without a size: closed at the end, with a sized /dev/shm in it.
    yield Mount(ROOT / "dev", ("--dev", "/dev"), closes_read_only=True)
    for folder in (ROOT / "tmp", ROOT / "dev/shm"):
        arguments = ("--perms", "1777", "--size", str(tmpfs_bytes), "--tmpfs", str(folder))
        yield Mount(folder, arguments, is_made=True)


def _files_of_etc(names: Iterable[str]) -> Iterator[Mount]:
    for file in (ROOT / "etc" / name for name in names):
        if file.exists():
            yield Mount(file, ("--ro-bind", str(file), str(file)))


def _hidden(path: Path) -> Mount:
    if path.is_dir():
        return Mount(path, ("--perms", "0755", "--tmpfs", str(path)), is_made=True, closes_read_only=True)
    return Mount(path, ("--ro-bind", "/dev/null", str(path)))


def _would_be_seen(path: Path, spec: SandboxSpec) -> bool:
    """Whether something that is shown holds the path; hiding what nobody sees would only show its name."""
    shown = [*(ROOT / name for name in SYSTEM_FOLDERS), *spec.read_only, spec.work_tree, spec.home]
    return path.exists() and any(path.is_relative_to(folder) for folder in shown)


def _is_behind_system_link(path: Path) -> bool:
    """Whether the path is below a link like /bin, whose target is shown anyway."""
    return path.parts[1] in SYSTEM_FOLDERS and Path("/", path.parts[1]).is_symlink()


def _arguments(mounts: list[Mount]) -> Iterator[str]:
    made: set[Path] = {ROOT}
    placed: dict[Path, Mount] = {}
    for mount in mounts:
        for parent in reversed(mount.path.parents):
            if parent not in made and parent not in placed and _must_be_made(parent, placed):
                made.add(parent)
                # Without this bubblewrap makes it 0700 and root's: another uid could not pass.
                yield from ("--perms", "0755", "--dir", str(parent))
        yield from mount.arguments
        placed[mount.path] = mount
    for path in (ROOT, *(mount.path for mount in mounts if mount.closes_read_only)):
        yield from ("--remount-ro", str(path))


def _must_be_made(folder: Path, placed: dict[Path, Mount]) -> bool:
    holder = next((placed[parent] for parent in folder.parents if parent in placed), None)
    return holder is None or holder.is_made
