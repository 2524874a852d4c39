"""An sshd for the tests: the machine's own, else Debian's package, unpacked into the person's cache, not installed.

No system service is set up and no system user added: it runs for a test, as the user who runs the tests, on loopback.
`python -m tests.sshd` (`bin/test --sshd`) fetches it where it is missing; exit status 1 where that cannot be done.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CURE = "There is no sshd: install openssh-server, or, where there are apt-get and dpkg, call bin/test --sshd."
PACKAGES = ("openssh-server", "libwrap0")
FETCH_SECONDS = 120


def folder() -> Path:
    """Where the fetched one lies, outside the checkout: other checkouts use it too."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "quarterdeck" / "sshd"


def find() -> tuple[Path, dict[str, str]] | None:
    """The program, and the variables that it needs; None where there is none."""
    if (installed := Path("/usr/sbin/sshd")).exists():
        return installed, {}
    fetched = folder() / "usr/sbin/sshd"
    libraries = ":".join(str(each) for each in sorted((folder() / "usr/lib").glob("*-linux-*")))
    return (fetched, {"LD_LIBRARY_PATH": libraries}) if fetched.exists() else None


def settings(program: Path) -> Iterator[str]:
    """Lines of its configuration by which one that lies elsewhere finds its own parts (OpenSSH 9.8 and newer)."""
    for name, keyword in (("sshd-session", "SshdSessionPath"), ("sshd-auth", "SshdAuthPath")):
        part = program.parent.parent / "lib/openssh" / name
        if part.exists():
            yield f"{keyword} {part}"


def fetch() -> bool:
    """Download and unpack the packages, as any user; whether there is an sshd then."""
    if find() is None and shutil.which("apt-get") and shutil.which("dpkg"):
        folder().parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder().parent) as name:
            made = Path(name)
            _unpack(made)
            if (made / "root/usr/sbin/sshd").exists() and not folder().exists():
                (made / "root").rename(folder())
    return find() is not None


def _unpack(place: Path) -> None:
    """Apt's lists and cache are ours, so that root is not needed and the machine's stay as they are."""
    for each in ("state/lists/partial", "cache/archives/partial", "root"):
        (place / each).mkdir(parents=True)
    own = [f"Dir::State={place}/state", "Dir::State::status=/var/lib/dpkg/status", f"Dir::Cache={place}/cache"]
    apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *(part for each in own for part in ("-o", each))]
    _run([*apt, "update"], place)
    for package in PACKAGES:
        _run([*apt, "download", package], place)
    for archive in place.glob("*.deb"):
        _run(["dpkg", "-x", str(archive), str(place / "root")], place)


def _run(command: list[str], place: Path) -> None:
    """What fails shows in the end: there is no sshd then. A later release may lack a package and not need it."""
    subprocess.run(command, cwd=place, stdout=subprocess.DEVNULL, timeout=FETCH_SECONDS, check=False)


def main() -> int:
    """Fetch it; the exit status."""
    if fetch():
        return 0
    sys.stderr.write(f"{CURE}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
