"""What is left out of the index, and why."""

import pytest

from projects.indexing import skipping
from projects.indexing.skipping import content_reason, path_reason

pytestmark = pytest.mark.plumbing


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("web/node_modules/x/index.js", skipping.VENDORED),
        ("vendor/github.com/x/y.go", skipping.VENDORED),
        ("web/package-lock.json", skipping.LOCK),
        ("go.sum", skipping.LOCK),
        ("x/locale/de/LC_MESSAGES/django.po", skipping.LOCALE),
        ("config/locales/de.yml", skipping.LOCALE),
        (".env", skipping.SECRET),
        ("deploy/.env.production", skipping.SECRET),
        ("certs/server.key", skipping.SECRET),
        ("home/id_rsa", skipping.SECRET),
        ("logo.PNG", skipping.BINARY),
        ("static/app.min.js", "minified"),
        (".env.example", None),
        ("src/vendors.py", None),
        ("src/locale.py", None),
        ("src/keys.py", None),
    ],
)
def test_the_path_alone_tells(path: str, reason: str | None) -> None:
    assert path_reason(path, 10) == reason


def test_links_and_submodules_are_not_read() -> None:
    assert path_reason("a.py", 10, 0o120000) == skipping.LINK
    assert path_reason("lib", 0, 0o160000) == skipping.SUBMODULE


def test_a_file_over_the_limit_is_not_read() -> None:
    assert path_reason("a.py", skipping.MAX_FILE_BYTES) is None
    assert path_reason("a.py", skipping.MAX_FILE_BYTES + 1) == skipping.TOO_LARGE
    assert content_reason(b"a\n" * skipping.MAX_FILE_BYTES) == skipping.TOO_LARGE


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", None),
        (b"caf\xe9 is one byte of an old encoding in a long enough text, which is no reason to lose it\n", None),
        ("# Straße, Größe, café\n".encode("latin-1"), None),
        (b"\xff\xfe\x80\x81" * 20, skipping.BINARY),
        (b"a\x01\x02\x1f text with \xe9\xe9 and what no text has\n", skipping.BINARY),
        (b"import os\n\0\n", skipping.BINARY),
        (b"x" * skipping.MAX_LINE_BYTES + b"\n" + b"y" * skipping.MAX_LINE_BYTES, None),
        (b"a\n" + b"x" * (skipping.MAX_LINE_BYTES + 1) + b"\n", skipping.MINIFIED),
    ],
)
def test_the_content_tells(content: bytes, reason: str | None) -> None:
    assert content_reason(content) == reason
