"""Splits identifiers, so that `foo_bar` and `fooBar` are found by each other's spelling and by their words.

SQLite's tokenizer cuts at everything that is no letter or digit and folds case: of `foo_bar` it makes `foo bar`, of
`fooBar` `foobar`. What it lacks of `foobar foo bar` is added here.
"""

import re
from functools import lru_cache

MAXIMUM_IDENTIFIER = 100
"""Longer words are data, not names."""

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


@lru_cache(maxsize=1 << 16)
def added_tokens(word: str) -> str:
    """What the tokenizer would not make of this word by itself, blank-separated: "" for one that is not compound."""
    if len(word) > MAXIMUM_IDENTIFIER:
        return ""
    parts = [part.lower() for part in _PART.findall(word)]
    if len(parts) < 2:
        return ""
    own = set(word.lower().split("_"))
    wanted = dict.fromkeys(["".join(parts), *(part for part in parts if len(part) > 1)])
    return " ".join(token for token in wanted if token not in own)


def split_identifiers(text: str) -> str:
    """The text with the added tokens of every compound word in it behind."""
    added = [tokens for word in _WORD.findall(text) if (tokens := added_tokens(word))]
    return f"{text} {' '.join(added)}" if added else text
