"""Every setting and every hook by which git runs a program, pointed at a canary."""

from pathlib import Path

HOOKS = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg"),
    *("commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge", "pre-push", "pre-receive", "update"),
    *("proc-receive", "post-receive", "post-update", "reference-transaction", "push-to-checkout", "pre-auto-gc"),
    *("post-rewrite", "sendemail-validate", "fsmonitor-watchman", "post-index-change"),
)


def evil_config(canary: Path) -> str:
    command = f"touch {canary}; cat"
    return f"""[core]
    fsmonitor = "{command}"
    hooksPath = hooks
    sshCommand = "{command}"
    gitProxy = "{command}"
    editor = "{command}"
    pager = "{command}"
    askPass = "{command}"
    alternateRefsCommand = "{command}"
[diff]
    external = "{command}"
[diff "evil"]
    textconv = "{command}"
    command = "{command}"
[merge "evil"]
    driver = "{command}"
[filter "evil"]
    clean = "{command}"
    smudge = "{command}"
    process = "{command}"
    required = true
[credential]
    helper = "!{command}"
[uploadpack]
    packObjectsHook = "{command}"
[gpg]
    program = "{command}"
[commit]
    gpgSign = true
[url "ext::{command} "]
    insteadOf = /
[remote "origin"]
    url = "ext::{command}"
    uploadpack = "{command}"
    receivepack = "{command}"
[include]
    path = more
[includeIf "gitdir:/"]
    path = more
"""


def arm(git_dir: Path, canary: Path) -> None:
    """Every setting and every hook that runs a program, in one git dir."""
    with (git_dir / "config").open("a") as config:
        config.write(evil_config(canary))
    (git_dir / "more").write_text(f'[core]\n    fsmonitor = "touch {canary}"\n')
    (git_dir / "hooks").mkdir(exist_ok=True)
    for name in HOOKS:
        hook = git_dir / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {canary}\n")
        hook.chmod(0o755)
