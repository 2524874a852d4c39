"""From what somebody asks to the terms that are searched: split as the index is, and only the telling ones.

Every term is quoted: there is no syntax that a query could use, or break.
"""

import re
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

from projects.indexing.identifiers import MAXIMUM_IDENTIFIER, added_tokens

MAXIMUM_TERMS = 24
MAXIMUM_SHARE = 0.25
"""Terms that more of the chunks have are left out, as long as others are left."""

ALWAYS_FEW = 40
"""In a small index a term of so many chunks is not too frequent yet."""

LOOKED_AT = 400
"""As many words of a query are looked at, from its beginning."""

_WORD = re.compile(r"\w+")
_DOTTED = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|#|->)[A-Za-z_$][\w$]*)*[?!]?")
_STOP_TEXT = """
a about after all also an and any are as at be because been before being but by can could did do does doing done each
else for from get gets had has have having here how i if in into is it its itself just like made make makes me more most
my no nor not now of off on once only or other our out over own please same should so some such than that the their them
then there these they this those through to too under until up us use used uses using very was we were what when where
which while who why will with without would you your
"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())


@dataclass(frozen=True, slots=True)
class Term:
    """A word that is searched, what the tokenizer makes of it, and in how many chunks it is."""

    word: str
    stem: str
    chunks: int

    @property
    def quoted(self) -> str:
        """As a string of FTS5's query syntax (sqlite.org/fts5.html, 3.1)."""
        return f'"{self.word}"'


@dataclass(frozen=True, slots=True)
class Query:
    """`terms`, rarest first, of which any may be found; `symbols` named exactly, each its name and what is before it.

    `is_symbol`: it names symbols and says nothing else.
    """

    terms: tuple[Term, ...]
    symbols: tuple[tuple[str, str], ...]
    is_symbol: bool

    @property
    def expression(self) -> str:
        """All terms, for MATCH."""
        return " OR ".join(term.quoted for term in self.terms)


def read_query(text: str, index: sqlite3.Connection, chunks: int) -> Query:
    """What is searched for in this index of so many chunks. Nothing where the text has no words."""
    words = list(dict.fromkeys(_words(text)))[:LOOKED_AT]
    telling = [word for word in words if not is_stop_word(word)] or words
    terms = sorted(_counted(telling, index), key=lambda term: (term.chunks, term.word))
    few = max(ALWAYS_FEW, MAXIMUM_SHARE * chunks)
    rare = [term for term in terms if term.chunks <= few] or terms[:1]
    symbols, is_symbol = _symbols(text)
    return Query(tuple(rare[:MAXIMUM_TERMS]), symbols, is_symbol)


def is_stop_word(word: str) -> bool:
    """Whether a word, in small letters, is in so many sentences that it tells nothing."""
    return word in _STOP_WORDS


def _words(text: str) -> Iterable[str]:
    """Every word in small letters, and what identifiers consist of."""
    for word in _WORD.findall(text):
        if len(word) <= MAXIMUM_IDENTIFIER:
            yield from filter(None, word.lower().split("_"))
            yield from added_tokens(word).split()


def _counted(words: Iterable[str], index: sqlite3.Connection) -> list[Term]:
    """The words that are in the index, one for each stem."""
    found: dict[str, Term] = {}
    for stem, word in _stems(list(words)).items():
        count = _count(index, "chunk_texts", word)
        if count or _count(index, "file_histories", word):
            found[stem] = Term(word, stem, count)
    return list(found.values())


def _count(index: sqlite3.Connection, table: str, word: str) -> int:
    query = f"SELECT count(*) FROM {table} WHERE {table} MATCH ?"  # noqa: S608 - two names
    number: int = index.execute(query, (f'"{word}"',)).fetchone()[0]
    return number


def _stems(words: list[str]) -> dict[str, str]:
    """The first word of each stem, as the index's own tokenizer makes them; what it takes for no word is left out."""
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.execute("CREATE VIRTUAL TABLE words USING fts5(word, tokenize='porter unicode61')")
        memory.execute("CREATE VIRTUAL TABLE stems USING fts5vocab(words, 'instance')")
        memory.executemany("INSERT INTO words VALUES(?)", ((word,) for word in words))
        rows = memory.execute("SELECT term, doc FROM stems ORDER BY doc").fetchall()
    stems: dict[str, str] = {}
    for stem, place in rows:
        stems.setdefault(stem, words[place - 1])
    return stems


def _symbols(text: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """The identifiers that stand in the text, and whether it is nothing but such."""
    pieces = text.replace("()", " ").split()[:LOOKED_AT]
    alone = len(pieces) == 1
    named = [piece.strip("`'\",.;:()?") for piece in pieces]
    found = [name for name in named if _DOTTED.fullmatch(name) and (alone or _is_compound(name))]
    parts = (re.split(r"\.|::|#|->", name) for name in dict.fromkeys(found))
    return tuple((part[-1], ".".join(part[:-1])) for part in parts), bool(found) and len(found) == len(pieces)


def _is_compound(name: str) -> bool:
    """Whether a word of a sentence can only be an identifier."""
    return bool(re.search(r"[a-z0-9][A-Z]|[A-Za-z0-9]_[A-Za-z0-9]|\w(?:\.|::|#|->)\w", name))
