"""Repositories and people for the tests of Git plumbing: a real origin, driven with real git."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from projects.git.identity import Identity
from projects.git.urls import RemoteUrl, parse_remote_url

ADA = Identity("Ada", "ada@example.org")
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Origin",
    "GIT_AUTHOR_EMAIL": "origin@example.org",
    "GIT_COMMITTER_NAME": "Origin",
    "GIT_COMMITTER_EMAIL": "origin@example.org",
}


def git(folder: Path, *args: str, stdin: bytes = b"") -> str:
    """What a person's own git prints in `folder`."""
    done = subprocess.run(
        ["git", *args], cwd=folder, env=_environment_in(folder), input=stdin, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").strip()


@dataclass(frozen=True)
class Origin:
    """A person's repository, on branch `trunk`."""

    path: Path

    @property
    def remote(self) -> RemoteUrl:
        return parse_remote_url(str(self.path), allow_local=True)

    def git(self, *args: str) -> str:
        return git(self.path, *args)

    def commit(self, files: dict[str, bytes], message: str = "change") -> str:
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


def make_origin(path: Path) -> Origin:
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=trunk")
    return Origin(path)


def names_in(repository: Path, tree: str) -> list[str]:
    return git(repository, "-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", tree).splitlines()


def content_of(repository: Path, tree: str, name: str) -> bytes:
    command = ["git", "cat-file", "blob", f"{tree}:{name}"]
    return subprocess.run(
        command, cwd=repository, env=_environment_in(repository), capture_output=True, check=True
    ).stdout


def _environment_in(folder: Path) -> dict[str, str]:
    """In the server's repository git is shown the private objects too."""
    private = folder / "private" / "objects"
    return ENVIRONMENT | ({"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(private)} if private.is_dir() else {})
