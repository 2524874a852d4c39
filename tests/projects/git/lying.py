"""A remote that lies: smart HTTP (gitprotocol-http(5), version 0) with any refs and any bytes for a pack."""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler

from tests.projects.git.remotes import Answer

KINDS = {"commit": 1, "tree": 2, "blob": 3}
OFFSET_DELTA = 6
AUTHOR = b"Eve <eve@example.org> 1 +0000"


def line(content: bytes) -> bytes:
    """One pkt-line (gitprotocol-common(5))."""
    return b"%04x" % (len(content) + 4) + content


def object_id(kind: str, content: bytes) -> str:
    return hashlib.sha1(kind.encode() + b" %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def commit_of(tree: str, rest: bytes = b"author %s\ncommitter %s\n\nm\n" % (AUTHOR, AUTHOR)) -> bytes:
    return b"tree " + tree.encode() + b"\n" + rest


def entry_of(mode: str, name: bytes, content_id: str) -> bytes:
    """One entry of a tree."""
    return mode.encode() + b" " + name + b"\0" + bytes.fromhex(content_id)


def packed(kind: int, size: int, content: bytes, before_content: bytes = b"") -> bytes:
    """One entry of a pack (gitformat-pack(5)): `size` is what it claims to be, `content` is deflated."""
    first, rest = (kind << 4) | (size & 15), size >> 4
    head = bytearray()
    while rest:
        head.append(first | 0x80)
        first, rest = rest & 0x7F, rest >> 7
    head.append(first)
    return bytes(head) + before_content + zlib.compress(content)


def pack_of(entries: Sequence[bytes], claimed: int | None = None) -> bytes:
    """A whole pack with a right checksum."""
    body = b"PACK" + struct.pack(">II", 2, len(entries) if claimed is None else claimed) + b"".join(entries)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def pack_objects(objects: Sequence[tuple[str, bytes]]) -> bytes:
    """A pack of honest objects, none of them a delta."""
    return pack_of([packed(KINDS[kind], len(content), content) for kind, content in objects])


def number(value: int) -> bytes:
    """A size as deltas hold it: seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 127:
        out.append(0x80 | (value & 127))
        value >>= 7
    return bytes([*out, value])


def delta_bomb(base_bytes: int, copies: int) -> bytes:
    """A pack whose second object unfolds to `copies` times the first, at 7 bytes each."""
    base = packed(KINDS["blob"], base_bytes, bytes(base_bytes))
    copy = bytes([0x80 | 0x70, *base_bytes.to_bytes(3, "little")])
    delta = number(base_bytes) + number(base_bytes * copies) + copy * copies
    distance = len(base)
    offset = bytearray([distance & 127])
    while distance := (distance >> 7):
        distance -= 1
        offset.insert(0, 0x80 | (distance & 127))
    return pack_of([base, packed(OFFSET_DELTA, len(delta), delta, bytes(offset))])


def lying_remote(refs: Sequence[tuple[str, str]], pack: bytes, head: str = "refs/heads/trunk") -> Answer:
    """Advertises the refs (id, name) and answers every request for objects with that pack."""
    capabilities = b"\0ofs-delta agent=liar symref=HEAD:" + head.encode()
    listed = [line(b"# service=git-upload-pack\n"), b"0000"]
    for place, (commit, name) in enumerate(refs):
        listed.append(line(f"{commit} {name}".encode("utf-8", "surrogateescape") + capabilities * (place == 0) + b"\n"))
    advertisement = b"".join([*listed, b"0000"])

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        is_listing = handler.command == "GET"
        content = advertisement if is_listing else line(b"NAK\n") + pack
        handler.send_response(200)
        kind = "advertisement" if is_listing else "result"
        handler.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return answer
