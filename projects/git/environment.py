"""The environment and configuration that git runs with, built from nothing; it takes over no setting of the machine."""

import os
import shutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

CONFIG: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.alternateRefsCommand", ""),
    ("core.protectNTFS", "true"),
    ("core.protectHFS", "true"),
    ("core.bigFileThreshold", "64m"),  # larger ones go through memory piece by piece, and count as binary
    ("core.autocrlf", "false"),
    ("core.safecrlf", "false"),
    ("core.eol", "lf"),
    ("core.logAllRefUpdates", "false"),
    ("core.commitGraph", "false"),
    ("core.sshCommand", "false"),
    ("core.pager", "cat"),
    ("credential.helper", ""),
    ("commit.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("diff.external", ""),
    ("diff.ignoreSubmodules", "all"),
    ("fetch.recurseSubmodules", "false"),
    ("fetch.unpackLimit", "1"),  # a pack is kept whole: unpacked, it would lack what is among the private objects
    ("submodule.recurse", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("protocol.allow", "never"),
    ("protocol.ext.allow", "never"),
    ("transfer.bundleURI", "false"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "100"),
    ("http.lowSpeedTime", "60"),
    ("ssh.variant", "ssh"),
    ("advice.detachedHead", "false"),
)
"""Set in git's command scope, above whatever a repository's own config says."""


def git_environment(
    *,
    git_dir: Path | None,
    work_tree: Path | None,
    environment: Mapping[str, str] | None,
    config: Sequence[tuple[str, str]],
) -> dict[str, str]:
    """The whole environment of one git process.

    `GIT_DIR` is always given explicitly: git then searches for no repository and applies no ownership rule
    (`safe.directory`), so that a server running as root may look at a work tree that belongs to an agent's user.
    """
    always_fails = _program_that_always_fails()
    result = {
        "PATH": search_path(),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": always_fails,
        "SSH_ASKPASS": always_fails,
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_PAGER": "cat",
        "GIT_EDITOR": always_fails,
    }
    if git_dir is not None:
        result["GIT_DIR"] = os.fspath(git_dir)
    if work_tree is not None:
        result["GIT_WORK_TREE"] = os.fspath(work_tree)
    result.update(_as_variables((*CONFIG, *config)))
    result.update(environment or {})
    return result


def quote_object_directory(path: Path) -> str:
    """One entry for GIT_ALTERNATE_OBJECT_DIRECTORIES, quoted so that a colon in the path does not split it."""
    return '"' + os.fspath(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def search_path() -> str:
    """The server's PATH without relative entries: git may run with a work tree as its current directory."""
    entries = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(entry for entry in entries if Path(entry).is_absolute())


def _as_variables(config: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Settings as GIT_CONFIG_COUNT variables (git-config(1)): same scope as `-c`, and nothing shows in an argv."""
    variables = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables


@lru_cache(maxsize=1)
def _program_that_always_fails() -> str:
    return shutil.which("false", path=search_path()) or "/bin/false"
