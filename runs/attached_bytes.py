"""What an uploaded file is, by its bytes, and what it may be called; it knows no Django and believes no claim."""

import re

MAX_NAME_CHARACTERS = 100
MAX_NAME_BYTES = 180
"""In UTF-8: file systems take 255, and a number comes before it, and another name while it is written."""
TEXT, OTHER = "text/plain", "application/octet-stream"
_SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"%PDF-"), "application/pdf"),
)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")  # but for tab, line ends, form feed, escape


def media_type_of(data: bytes) -> str:
    """One of few: the images that models take, PDF, text in UTF-8, and everything else."""
    for signature, media_type in _SIGNATURES:
        if signature.match(data):
            return media_type
    if _CONTROL.search(data):
        return OTHER
    try:
        data.decode()
    except UnicodeDecodeError:
        return OTHER
    return TEXT


def safe_name(claimed: str) -> str:
    """A name for one folder, without a path, control characters and a dot in front; `file` where nothing is left."""
    name = re.split(r"[/\\]", claimed)[-1]
    name = "".join(each for each in name if each.isprintable() and each not in '"<>|:*?`$')
    name = name.strip(" .") or "file"
    stem, dot, ending = name.rpartition(".")
    kept = f".{ending}" if dot and len(ending) <= 10 else ""
    return _cut(stem if kept else name, MAX_NAME_CHARACTERS - len(kept), MAX_NAME_BYTES - len(kept.encode())) + kept


def _cut(text: str, characters: int, size_bytes: int) -> str:
    return text[:characters].encode()[:size_bytes].decode("utf-8", "ignore").rstrip(" .")
