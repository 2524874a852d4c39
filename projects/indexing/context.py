"""What an agent is shown of a repository with its task: the files and passages that were found, within a budget.

All of it is one fenced block, under a few lines that say what it is: data of the repository, and no instructions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from projects.indexing.search import FoundChunk, FoundFile

T = TypeVar("T")
MAP_SHARE, FACTS_SHARE = 0.25, 0.15
MAX_CHUNKS_OF_FILE = 3
MAX_LINE_CHARACTERS = 300
_TOKEN = re.compile(r" ?[A-Za-z]{1,4}| ?[0-9]{1,3}|\s{1,16}|[^\s\w]{1,2}|.", re.DOTALL)
_BACKTICKS = re.compile(r"`+")
_BETWEEN = 3
"""So many lines between two passages of a file are shown with them rather than left out."""


@dataclass(frozen=True, slots=True)
class MapRow:
    """A file in a line: what it is for, in its own words, and what it defines."""

    path: str
    purpose: str | None
    defines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """Lines of a file that are shown, from 1, both included; the score of the best chunk in them."""

    path: str
    start_line: int
    end_line: int
    symbol: str | None
    score: float


@dataclass(frozen=True, slots=True)
class Context:
    """What is shown, what it is estimated to take, and what is in it."""

    text: str
    tokens: int
    rows: tuple[str, ...]
    facts: tuple[str, ...]
    passages: tuple[Passage, ...]


def estimate_tokens(text: str) -> int:
    """About how many tokens a model makes of a text, rather too many than too few."""
    return sum(max(1, len(piece.encode()) - 1) if not piece.isascii() else 1 for piece in _TOKEN.findall(text))


def assemble(
    heading: str,
    files: Sequence[FoundFile],
    contents: Mapping[str, bytes],
    rows: Sequence[MapRow],
    facts: Sequence[tuple[str, str]] = (),
    *,
    token_budget: int,
) -> Context | None:
    """The best passages that fit, whole ones only, after a part at most for rows and facts; None where nothing fits.

    `contents` are the files' bytes at the index's commit, by path: a file that is not in it has no passages. `facts`
    are what is known otherwise, each its name and a line about it.
    """
    room = token_budget - estimate_tokens(_worded(heading, "", ""))
    shown_rows = _fitting(_row_texts(rows), int(room * MAP_SHARE))
    shown_facts = _fitting(_fact_texts(facts), int(room * FACTS_SHARE))
    before = sum(cost for _, _, cost in (*shown_rows, *shown_facts))
    passages = _fitting(_passage_texts(files, contents), room - before)
    while shown_rows or shown_facts or passages:
        body = "".join(text for shown in (shown_rows, shown_facts, passages) for _, text, _ in shown)
        text = _worded(heading, body, _fence(body))
        tokens = estimate_tokens(text)
        if tokens <= token_budget:
            names = tuple(name for name, _, _ in shown_rows), tuple(name for name, _, _ in shown_facts)
            return Context(text, tokens, *names, tuple(passage for passage, _, _ in passages))
        (passages or shown_facts or shown_rows).pop()  # a fence longer than was counted on
    return None


def _fitting(items: Iterator[tuple[T, str]], room: int) -> list[tuple[T, str, int]]:
    """Each that still fits, with what it takes."""
    taken = []
    for item, text in items:
        cost = estimate_tokens(text)
        if cost <= room:
            taken.append((item, text, cost))
            room -= cost
    return taken


def _worded(heading: str, body: str, fence: str) -> str:
    return f"\n\n{heading}\n\n{fence or '```'}text\n{body}{fence or '```'}\n"


def _fence(body: str) -> str:
    return "`" * max(3, 1 + max((len(run) for run in _BACKTICKS.findall(body)), default=0))


def _row_texts(rows: Sequence[MapRow]) -> Iterator[tuple[str, str]]:
    for row in rows:
        if row.path.isprintable():
            facts = [row.purpose or "", f"defines {', '.join(row.defines)}" if row.defines else ""]
            line = " | ".join([row.path, *filter(None, map(_plain, facts))])
            yield row.path, f"{line}\n"


def _fact_texts(facts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, line in facts:
        yield name, f"{_plain(line)}\n"


def _passage_texts(files: Sequence[FoundFile], contents: Mapping[str, bytes]) -> Iterator[tuple[Passage, str]]:
    """The files in their order, the passages of a file in the order of its lines."""
    for file in files:
        content = contents.get(file.path)
        if content is None or not file.path.isprintable():
            continue
        lines = content.decode("utf-8", "replace").split("\n")
        if lines[-1] == "":
            lines.pop()
        for passage in _passages(file, len(lines)):
            symbol = f" ({_plain(passage.symbol)})" if passage.symbol else ""
            text = "\n".join(lines[passage.start_line - 1 : passage.end_line])
            yield passage, f"\n==> {file.path}:{passage.start_line}-{passage.end_line}{symbol} <==\n{text}\n"


def _passages(file: FoundFile, count: int) -> list[Passage]:
    """The best chunks, near ones as one passage; none beyond the content's end."""
    chunks = sorted(file.chunks[:MAX_CHUNKS_OF_FILE], key=lambda chunk: chunk.start_line)
    passages: list[Passage] = []
    for chunk in chunks:
        if not 1 <= chunk.start_line <= chunk.end_line <= count:
            continue
        if passages and chunk.start_line - passages[-1].end_line <= _BETWEEN + 1:
            passages[-1] = _together(passages[-1], chunk)
        else:
            passages.append(Passage(file.path, chunk.start_line, chunk.end_line, chunk.symbol, chunk.score))
    return passages


def _together(passage: Passage, chunk: FoundChunk) -> Passage:
    symbol = passage.symbol if passage.symbol == chunk.symbol else passage.symbol or chunk.symbol
    end_line, score = max(passage.end_line, chunk.end_line), max(passage.score, chunk.score)
    return Passage(passage.path, passage.start_line, end_line, symbol, score)


def _plain(text: str) -> str:
    """One printable line, cut where it is long."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= MAX_LINE_CHARACTERS else f"{line[: MAX_LINE_CHARACTERS - 1]}…"
