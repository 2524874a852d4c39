"""Writes one small object by itself (gitrepository-layout(5), objects): to start git for it takes far longer."""

import hashlib
import os
import secrets
import zlib
from pathlib import Path


def write_loose_object(objects: Path, kind: str, content: bytes) -> str:
    """The object's id; it is in the folder of objects then, whole, or was before and counts as written now.

    The content is taken for well-formed. Killed, it leaves a file that git takes for an unfinished one.
    """
    whole = f"{kind} {len(content)}\0".encode() + content
    name = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
    path = objects / name[:2] / name[2:]
    try:
        os.utime(path)
    except FileNotFoundError:
        _write(path, zlib.compress(whole, 1))
    return name


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(f"tmp_obj_{secrets.token_hex(8)}")
    with unfinished.open("xb", buffering=0) as file:
        file.write(data)
        os.fchmod(file.fileno(), 0o444)
    unfinished.rename(path)
