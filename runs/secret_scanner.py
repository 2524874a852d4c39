"""A program of its own: looks for secrets in lines of text with detect-secrets. Standard input and output are JSON.

Apart from the server, as patterns can take very long on hostile text: its caller ends it after some time. What it finds
stays here; it tells where, and a fingerprint made with the caller's key. It asks nobody else: no finding is verified
over the network, no file is opened.

In: `{"key": hex, "files": [{"path", "lines": [[number, text]]}]}`. Out: lines `{"finding": {path, line, rule,
fingerprint}}`, and after each file, in order, `{"done": path}`.
"""

import hashlib
import hmac
import json
import resource
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from detect_secrets.core import scan
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.settings import get_filters, transient_settings

CPU_SECONDS = 60
WINDOW_CHARACTERS = 2000
OVERLAP_CHARACTERS = 300
_NOISE = {"IPPublicDetector"}
# A file must not exist to be looked at; and who writes a secret must not be able to wave it through beside it.
_LEFT_OUT = (
    "detect_secrets.filters.common.is_invalid_file",
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_swagger_file",
)


def main() -> None:
    """Scans what standard input holds."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))  # whatever happens to the caller
    asked = json.load(sys.stdin)
    key = bytes.fromhex(asked["key"])
    classes: Iterable[type[Any]] = get_mapping_from_secret_type_to_class().values()
    plugins = [each.__name__ for each in classes]
    with transient_settings({"plugins_used": [{"name": name} for name in plugins if name not in _NOISE]}) as settings:
        settings.disable_filters(*_LEFT_OUT)
        get_filters.cache_clear()
        for file in asked["files"]:
            for finding in _findings(file["path"], file["lines"], key):
                _tell(finding=finding)
            _tell(done=file["path"])


def _tell(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _findings(path: str, lines: list[tuple[int, str]], key: bytes) -> Iterator[dict[str, Any]]:
    if scan._is_filtered_out(required_filter_parameters=["filename"], filename=path):  # noqa: SLF001 - as scan_file does
        return
    pieces = [(number, piece) for number, text in lines for piece in _windows(text)]
    # Its public `scan_diff` would parse a diff again, which names files in other ways than ours.
    texts = dict(lines)
    for secret in scan._process_line_based_plugins(pieces, filename=path):  # noqa: SLF001
        # By the line, as what a pattern takes for the secret may be a part of it that many share.
        told = "\0".join((path, secret.type, texts[secret.line_number].strip()))
        fingerprint = hmac.new(key, told.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]
        yield {"path": path, "line": secret.line_number, "rule": secret.type, "fingerprint": fingerprint}


def _windows(text: str) -> Iterator[str]:
    """A long line in parts that overlap: the patterns' time grows with the square of some lines' length."""
    for start in range(0, max(1, len(text)), WINDOW_CHARACTERS):
        yield text[max(0, start - OVERLAP_CHARACTERS) : start + WINDOW_CHARACTERS]


if __name__ == "__main__":
    main()
