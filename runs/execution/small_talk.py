"""Tells messages that something can be looked for with from those that only answer: "thanks", "go on", "yes, do it"."""

import re

from projects.indexing.query_terms import is_stop_word

LEAST_WORDS = 2
LEAST_LETTERS = 3
_WORD = re.compile(r"[^\W\d_]+")
_NAME_OF_CODE = re.compile(r"\w_\w|[a-z0-9][A-Z]|`[^`\s]+`|(?:^|\s)/\w|\w\.[A-Za-z]\w{0,4}\b(?!\.)|\w::\w|\w\(\)")
"""Identifiers, files, routes, and what is put between backticks."""
_SMALL_TALK_TEXT = """
ahead again agreed alright amazing approve approved awesome bad better bit bye cheers commit continue cool correct
course done excellent exactly fine fix forget go goes going good got great happy hello hey hi keep lgtm like little
look looks lot many maybe minute moment much nah never nice nope okay one perfect please proceed push really redo
repeat resume retry revert right run sorry stop super sure test tests thank thanks thing things think try undo very
wait want well wonderful work works wrong yeah yep yes
"""
_SMALL_TALK = frozenset(_SMALL_TALK_TEXT.split())


def is_small_talk(text: str) -> bool:
    """Whether a message names nothing of the code, and has fewer than two words that could find something."""
    if _NAME_OF_CODE.search(text):
        return False
    words = {word for word in map(str.lower, _WORD.findall(text)) if len(word) >= LEAST_LETTERS}
    return sum(not is_stop_word(word) for word in words - _SMALL_TALK) < LEAST_WORDS
