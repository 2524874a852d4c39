"""Looks for secrets in what a push would publish: bounded in size and time, and honest about what was not looked at."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.crypto import salted_hmac

from projects.git.added_lines import AddedFile, added_lines
from projects.git.outgoing import outgoing_contents
from projects.git.repository import Repository
from runs.redaction import Redactor

MAX_SCAN_BYTES = 1024 * 1024
SCAN_SECONDS = 15.0
"""A web process waits for it: half of what clients usually wait for an answer."""
MAX_FINDINGS = 200
NOT_SCANNED = "not-scanned"
KNOWN = "known secret: "
"""How the rule of a secret begins that this server knows; its name follows. Nobody can acknowledge one."""
KNOWN_SECONDS = 5.0
_SCANNER = Path(__file__).with_name("secret_scanner.py")


@dataclass(frozen=True, order=True)
class Finding:
    """Where a secret seems to be; never what it is. `line` is 0 and `rule` NOT_SCANNED for what nobody looked at.

    The fingerprint stays the same for as long as path, rule and the line's text do; only this server can make it.
    """

    path: str
    line: int
    rule: str
    fingerprint: str


@dataclass(frozen=True)
class Scan:
    """What was found, and how much was looked at. What was not, is a finding too."""

    findings: tuple[Finding, ...]
    scanned_bytes: int
    is_complete: bool


def scan_outgoing(repository: Repository, commit: str, *, remote_commit: str | None) -> Scan:
    """Scans the lines that the commits add which the remote does not have yet."""
    added = added_lines(repository, commit, remote_commit=remote_commit, enough_bytes=MAX_SCAN_BYTES)
    files = [file for file in added.files if file.lines]
    findings, done = _ask_scanner(files)
    unseen = files[done].path if done < len(files) else added.stopped_at
    if len(findings) > MAX_FINDINGS:
        unseen = sorted(findings)[MAX_FINDINGS].path
    shown = sorted(findings)[:MAX_FINDINGS]
    if unseen is not None:
        shown.append(Finding(unseen, 0, NOT_SCANNED, _fingerprint(f"{commit}\0{unseen}")))
    seen = sum(len(text.encode()) + 1 for file in files[:done] for _, text in file.lines)
    return Scan(tuple(shown), seen, unseen is None)


def known_secrets(
    repository: Repository,
    commit: str,
    redactor: Redactor,
    *,
    remote_commit: str | None,
    seconds: float = KNOWN_SECONDS,
) -> tuple[Finding, ...]:
    """Where a push would carry a secret that this server knows: in a file, a name or a commit's message.

    Looks at everything, however large, for as long as it may; what it has found by then is what it gives.
    """
    until, found = time.monotonic() + seconds, set[Finding]()
    with closing(outgoing_contents(repository, commit, remote_commit=remote_commit)) as contents:
        for path, pieces in contents:
            for line, name in redactor.find_in(pieces):
                found.add(Finding(path, line, f"{KNOWN}{name}", _fingerprint(f"{name}\0{path}")))
            if len(found) >= MAX_FINDINGS or time.monotonic() > until:
                break
    return tuple(sorted(found))


def _key() -> bytes:
    return salted_hmac("runs.secret_scan", "fingerprints", algorithm="sha256").digest()


def _fingerprint(text: str) -> str:
    return salted_hmac("runs.secret_scan", text, algorithm="sha256").hexdigest()[:32]


def _ask_scanner(files: Sequence[AddedFile]) -> tuple[set[Finding], int]:
    """What the scanner found, and how many of the files it came through before its time was over."""
    if not files:
        return set(), 0
    asked = {"key": _key().hex(), "files": [{"path": file.path, "lines": file.lines} for file in files]}
    try:
        answer = subprocess.run(
            [sys.executable, "-I", _SCANNER],
            input=json.dumps(asked).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it could quote what it reads
            cwd="/",
            env={},
            timeout=SCAN_SECONDS,
            check=False,
        ).stdout
    except subprocess.TimeoutExpired as late:
        answer = late.stdout or b""
    messages = list(_messages(answer))
    findings = {Finding(**message["finding"]) for message in messages if "finding" in message}
    return findings, sum("done" in message for message in messages)


def _messages(answer: bytes) -> Iterator[dict[str, Any]]:
    """Whole lines only: the last one may have been cut off."""
    for line in answer.split(b"\n")[:-1]:
        yield json.loads(line)
