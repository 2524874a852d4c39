"""CHANGELOG_AI.md: an entry for each run, written as Markdown that people may edit, and read back from it.

An entry is a heading, the comment `<!-- run ID -->` alone on its line, the summary as a quote, and a list. What people
have made of that is read as far as it can be; what else stands there is theirs and is left alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

from docs_mgmt.generators.blocks import MAX_BYTES, Block, BlocksRefused, block_text, find_blocks
from docs_mgmt.generators.inline_text import code, escaped, quoted, read_text, unescaped, unquoted

BLOCK = "changelog-ai"
MAX_ENTRIES, MAX_ENTRY_LINES = 10_000, 5_000
"""Of more, the first ones are read."""
_NEW = """\
# Changelog of the agents

What agents have changed in this repository, run by run. Quarterdeck puts each run on top, between the two marker lines;
whatever you change or add stays.

"""
_RUN = re.compile(r"<!-- run ([1-9][0-9]{0,17}) -->[ \t]*")
_HEADING = re.compile(r" {0,3}#{1,6}(?:[ \t](.*))?")
_FACT = re.compile(r"[-*+][ \t]+(Date|Why|Agent|Model|Branch|Files|Tests|Risks):(?:[ \t](.*))?", re.IGNORECASE)
_NESTED = re.compile(r"(?: {2,8}|\t)[-*+][ \t](.*)")
_QUOTE = re.compile(r"> ?(.*)")
_LIST = re.compile(r"[-*+][ \t].*|(?: {2,8}|\t).*")
_FIRST_YEAR = 1000
"""Earlier ones have no four digits (RFC 3339)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one run has changed, and why. Texts may be anything; times are in UTC.

    `summary` is Markdown of the agent's, all others are plain. `date` is None where people have taken it out.
    """

    run_id: int
    title: str
    date: datetime | None
    summary: str = ""
    why: str = ""
    agent: str = ""
    model: str | None = None
    branch: str = ""
    files: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()


def render(entry: Entry) -> str:
    """The entry as Markdown: lines of its own, none of them a marker of a block. Texts in its lists are not empty."""
    lines = [f"## {escaped(entry.title)}".rstrip(), "", f"<!-- run {entry.run_id} -->", ""]
    if entry.summary:
        lines += [*quoted(entry.summary), ""]
    lines += [f"- {name}: {text}".rstrip() for name, text in _facts(entry)]
    for name, values in (
        ("Files", map(code, entry.files)),
        ("Tests", map(escaped, entry.tests)),
        ("Risks", map(escaped, entry.risks)),
    ):
        nested = [f"  - {value}" for value in values]
        lines += [f"- {name}:", *nested] if nested else []
    return "\n".join(lines).rstrip("\n") + "\n"


def _facts(entry: Entry) -> Iterator[tuple[str, str]]:
    if entry.date is not None:
        yield "Date", entry.date.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if entry.why:
        yield "Why", escaped(entry.why)
    if entry.agent:
        yield "Agent", escaped(entry.agent)
    if entry.model is not None:
        yield "Model", escaped(entry.model)
    if entry.branch:
        yield "Branch", code(entry.branch)


def parse(markdown: str) -> list[Entry]:
    """The entries of a changelog in the order in which they stand there; of two of the same run the first."""
    lines = _lines(markdown)
    found: dict[int, Entry] = {}
    for section in _sections(lines):
        entry = _read(lines, section)
        found.setdefault(entry.run_id, entry)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Section:
    """Lines by their indexes: an entry's heading (its comment where it has none), its comment, its own lines."""

    run_id: int
    start: int
    comment: int
    own: tuple[int, ...]

    @property
    def end(self) -> int:
        """Behind its last line."""
        return self.own[-1] + 1 if self.own else self.comment + 1


def _lines(markdown: str) -> list[str]:
    return markdown.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _sections(lines: Sequence[str]) -> list[_Section]:
    """Each entry ends where its list ends, or at the next heading, comment or marker."""
    found: list[_Section] = []
    begun = (index for index, line in enumerate(lines) if line.startswith("<!-- run "))
    for index in islice(begun, MAX_ENTRIES):
        match = _RUN.fullmatch(lines[index])
        if match is not None:
            start = _heading_before(lines, index, found[-1].comment if found else -1)
            found.append(_Section(int(match[1]), start, index, tuple(_own_lines(lines, index))))
    return found


def _heading_before(lines: Sequence[str], comment: int, floor: int) -> int:
    """The nearest line before the comment that says something, if that is a heading; else the comment itself."""
    index = comment - 1
    while index > floor and not lines[index].strip():
        index -= 1
    return index if index > floor and _HEADING.fullmatch(lines[index]) else comment


def _own_lines(lines: Sequence[str], comment: int) -> Iterator[int]:
    """The lines of an entry's quote and list; not what people have put between and into them."""
    has_list = is_ours = False
    for index in range(comment + 1, min(len(lines), comment + MAX_ENTRY_LINES)):
        line = lines[index]
        if not line:
            continue
        if _HEADING.fullmatch(line) or line.lstrip(" ").startswith("<!--"):
            return
        if _FACT.fullmatch(line):
            has_list = is_ours = True
            yield index
        elif (is_ours and _NESTED.fullmatch(line)) or (not has_list and _QUOTE.fullmatch(line)):
            yield index
        elif line.strip():
            is_ours = False
            if has_list and _LIST.fullmatch(line) is None:
                return


def _read(lines: Sequence[str], section: _Section) -> Entry:
    heading = _HEADING.fullmatch(lines[section.start])
    body = [lines[index] for index in section.own]
    facts, lists = _read_items(body)
    return Entry(
        run_id=section.run_id,
        title=unescaped((heading[1] or "").strip(" \t")) if heading else "",
        date=_read_date(facts.get("date", "")),
        summary=unquoted([match[1] for line in body if (match := _QUOTE.fullmatch(line))]),
        why=facts.get("why", ""),
        agent=facts.get("agent", ""),
        model=facts.get("model"),
        branch=facts.get("branch", ""),
        files=tuple(lists.get("files", ())),
        tests=tuple(lists.get("tests", ())),
        risks=tuple(lists.get("risks", ())),
    )


def _read_items(body: Sequence[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What the list says, by names in small letters; of two of a name the first."""
    facts: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    nested: list[str] = []
    for line in body:
        below, fact = _NESTED.fullmatch(line), _FACT.fullmatch(line)
        if below is not None:
            nested.append(read_text(below[1]))
        elif fact is not None:
            name, nested = fact[1].lower(), []
            facts.setdefault(name, read_text(fact[2] or ""))
            lists.setdefault(name, nested)
    return facts, lists


def _read_date(text: str) -> datetime | None:
    """None where it is no date (ISO 8601) any more. One without a zone is taken for UTC."""
    try:
        read = datetime.fromisoformat(text)
        moment = (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year >= _FIRST_YEAR else None


def with_entry(document: bytes | None, entry: Entry) -> bytes:
    """The document with the entry on top of its auto-block, or in place of the same run's; None makes a new document.

    Every other byte stays. Raises BlocksRefused where the document must be left alone.
    """
    if document is None:
        return f"{_NEW}{block_text(BLOCK, render(entry))}".encode()
    if len(document) > MAX_BYTES:
        raise BlocksRefused(f"The document has more than {MAX_BYTES} bytes: move its old entries elsewhere.")
    lines = document.splitlines(keepends=True)
    block = next((each for each in find_blocks(lines) if each.name == BLOCK), None)
    if block is None:
        raise BlocksRefused(f"The document has no line `<!-- quarterdeck:begin {BLOCK} -->` with its end.")
    return b"".join(_placed(lines, block, entry))


def _placed(lines: list[bytes], block: Block, entry: Entry) -> list[bytes]:
    first = lines[block.begin]
    line_end = first[len(first.rstrip(b"\r\n")) :] or b"\n"
    written = [line.encode() + line_end for line in render(entry).split("\n")[:-1]]
    at, body = block.begin + 1, lines[block.begin + 1 : block.end]
    texts = [line.rstrip(b"\r\n").decode("utf-8", "replace") for line in body]
    present = next((section for section in _sections(texts) if section.run_id == entry.run_id), None)
    if present is None:
        rest = body if body and not texts[0].strip() else [line_end, *body]
        return [*lines[:at], line_end, *written, *rest, *lines[block.end :]]
    inside = sorted(set(range(present.comment + 1, present.end)) - set(present.own))
    theirs = [body[index] for index in inside if texts[index].strip()]
    aside = [line_end, *theirs] if theirs else []
    return [*lines[: at + present.start], *written, *aside, *lines[at + present.end :]]
