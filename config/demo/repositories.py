"""What the demo works on: a given repository, else a bare copy of this checkout, else a small one made on the spot."""

import os
import subprocess
from pathlib import Path

_QUIET = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Demo",
    "GIT_AUTHOR_EMAIL": "demo@localhost",
    "GIT_COMMITTER_NAME": "Demo",
    "GIT_COMMITTER_EMAIL": "demo@localhost",
}


def _git(*arguments: str, cwd: Path | None = None) -> str:
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": "/nonexistent", "LC_ALL": "C", **_QUIET}
    command = ["git", "-c", "safe.directory=*", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True, text=True).stdout


def choose_repository(given: str | None, checkout: Path, folder: Path) -> str:
    """The address to clone from and push to. Without a given one it is a bare repository in `folder`."""
    if given:
        return os.path.abspath(given) if Path(given).exists() else given  # noqa: PTH100 - keeps symbolic links
    remote = folder / "remote.git"
    if _is_repository(checkout):
        _git("clone", "--quiet", "--bare", "--no-local", os.fspath(checkout), os.fspath(remote))
    else:
        _make_small_one(folder / "sample", remote)
    return os.fspath(remote)


def _is_repository(checkout: Path) -> bool:
    if not (checkout / ".git").exists():
        return False
    try:
        return bool(_git("rev-parse", "--verify", "HEAD", cwd=checkout).strip())
    except subprocess.CalledProcessError:
        return False


def _make_small_one(work: Path, remote: Path) -> None:
    work.mkdir(parents=True)
    _git("init", "--quiet", "--initial-branch=main", cwd=work)
    (work / "README.md").write_text("# Sample\n\nA small repository for the demo.\n")
    _git("add", "README.md", cwd=work)
    _git("commit", "--quiet", "-m", "First commit", cwd=work)
    _git("clone", "--quiet", "--bare", os.fspath(work), os.fspath(remote))


def read_remote_branch(repository: str, branch: str) -> str:
    """What the remote says the branch is at: `commit<TAB>ref`."""
    return _git("ls-remote", "--heads", repository, f"refs/heads/{branch}").strip()
