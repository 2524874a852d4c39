"""Search as a tool for agents: a server of the Model Context Protocol on standard input and output, of one index.

Started inside an agent's sandbox (modelcontextprotocol.io/specification, "Transports", "Tools"): it reads the index
file and the work tree, and nothing else. Run it by `command()`.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from projects.indexing.reading import IndexReader, IndexUnreadable
from projects.indexing.search import FoundFile

NAME, TOOL = "quarterdeck", "search_code"
FOLDER = Path(__file__).resolve().parent
MAXIMUM_FILES, DEFAULT_FILES, SHOWN_CHARACTERS, MAXIMUM_LINE = 20, 8, 24_000, 1 << 20
LARGEST_FILE_BYTES = 1 << 20
_BEGIN = "import sys; sys.path.insert(0, sys.argv.pop(1)); from projects.indexing.mcp_server import main; main()"
_PROTOCOL = "2025-06-18"
_DESCRIPTION = (
    "Searches this repository's code by words or names, and gives the best files with the lines that fit. "
    "Quicker and broader than grep: identifiers are split, words are stemmed, names of symbols count most. "
    "The index is of the commit that the work tree began with: files changed since then may have moved lines."
)
_INPUT = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "description": "Words of a sentence, or names of symbols."},
        "path": {"type": "string", "description": "Only files whose path begins so."},
        "language": {"type": "string", "description": "Only files in this language, such as python."},
        "limit": {"type": "integer", "minimum": 1, "maximum": MAXIMUM_FILES, "default": DEFAULT_FILES},
    },
    "required": ["query"],
}


def command(interpreter: str, index: Path, work_tree: Path) -> tuple[str, ...]:
    """What starts it, for a work tree that began at the index's commit."""
    return (interpreter, "-I", "-c", _BEGIN, str(FOLDER.parent.parent), str(index), str(work_tree))


def main() -> None:
    """Serves until the input ends. The arguments are the index's file and the work tree."""
    index, tree = Path(sys.argv[1]), Path(sys.argv[2])
    for line in iter(lambda: sys.stdin.buffer.readline(MAXIMUM_LINE), b""):
        answer = answer_to(line, index, tree)
        if answer is not None:
            sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
            sys.stdout.buffer.flush()


def answer_to(line: bytes, index: Path, tree: Path) -> dict[str, Any] | None:
    """The answer to one message of JSON-RPC 2.0; None where it wants none."""
    try:
        message = json.loads(line)
    except ValueError:
        return _error(None, -32700, "This is no JSON.")
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return _error(None, -32600, "This is no request.")
    if "id" not in message:
        return None
    params = message.get("params")
    result = _result(message["method"], params if isinstance(params, dict) else {}, index, tree)
    if result is None:
        return _error(message["id"], -32601, "There is no such method.")
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def _error(name: Any, code: int, text: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": name, "error": {"code": code, "message": text}}


def _result(method: str, params: Mapping[str, Any], index: Path, tree: Path) -> dict[str, Any] | None:
    if method == "initialize":
        version = params.get("protocolVersion")
        server = {"name": NAME, "version": "1"}
        spoken = version if isinstance(version, str) else _PROTOCOL
        return {"protocolVersion": spoken, "capabilities": {"tools": {}}, "serverInfo": server}
    if method == "tools/list":
        hints = {"readOnlyHint": True, "openWorldHint": False}
        return {"tools": [{"name": TOOL, "description": _DESCRIPTION, "inputSchema": _INPUT, "annotations": hints}]}
    if method == "tools/call":
        return _called(params, index, tree)
    return {} if method == "ping" else None


def _called(params: Mapping[str, Any], index: Path, tree: Path) -> dict[str, Any]:
    """What went wrong is told in the result, so that the model reads it ("Tools", "Error Handling")."""
    given = params.get("arguments")
    try:
        if params.get("name") != TOOL or not isinstance(given, dict):
            raise ValueError(f"The tool is {TOOL}, and takes a query.")
        return {"content": [{"type": "text", "text": _searched(given, index, tree)}], "isError": False}
    except (ValueError, IndexUnreadable) as error:
        return {"content": [{"type": "text", "text": str(error)}], "isError": True}


def _searched(given: Mapping[str, Any], index: Path, tree: Path) -> str:
    query, limit = _text(given, "query"), given.get("limit", DEFAULT_FILES)
    if not query:
        raise ValueError("query says what to look for.")
    if not isinstance(limit, int) or not 1 <= limit <= MAXIMUM_FILES:
        raise ValueError(f"limit is a number of files from 1 to {MAXIMUM_FILES}.")
    with IndexReader(index) as reader:
        found = reader.search(query, limit=limit, path=_text(given, "path"), language=_text(given, "language"))
        commit = reader.commit[:12]
    said = "".join(_within(_parts(found, tree)))
    return f"Of commit {commit}.\n{said}" if said else f"Nothing fits, at commit {commit}."


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} is a text.")
    return value or None


def _parts(found: list[FoundFile], tree: Path) -> Iterator[str]:
    for file in found:
        lines = _lines(tree / file.path)
        yield f"\n{file.path}" + (f" defines {', '.join(file.defines)}" if file.defines else "") + "\n"
        for chunk in file.chunks:
            symbol = f" ({chunk.symbol})" if chunk.symbol else ""
            shown = "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
            yield f"lines {chunk.start_line}-{chunk.end_line}{symbol}:\n{shown}\n"


def _within(parts: Iterator[str]) -> Iterator[str]:
    """As many whole parts as there is room for."""
    room = SHOWN_CHARACTERS
    for part in parts:
        room -= len(part)
        if room < 0:
            yield "\nMore fits: ask for less, or more exactly.\n"
            return
        yield part


def _lines(path: Path) -> list[str]:
    """As they are in the work tree now; none where the file is gone."""
    with suppress(OSError), path.open("rb") as file:
        return file.read(LARGEST_FILE_BYTES).decode("utf-8", "replace").split("\n")
    return []
