"""The statements of an SQL file that change tables, with their lines; data, functions and comments are passed over."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_STATEMENT_CHARS = 200_000
WANTED = re.compile(
    r"\s*(?:CREATE\s+(?:OR\s+REPLACE\s+)?(?:UNLOGGED\s+|FOREIGN\s+|EXTERNAL\s+)?TABLE\b"
    r"|CREATE\s+(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+|CLUSTERED\s+|NONCLUSTERED\s+){0,3}INDEX\b"
    r"|ALTER\s+TABLE\b|ALTER\s+INDEX\b|DROP\s+TABLE\b|DROP\s+INDEX\b|RENAME\s+TABLE\b)",
    re.IGNORECASE,
)
_COMMENT_OR_QUOTE = (
    r"--[^\n]*|/\*|\$(?:[A-Za-z_]\w{0,60})?\$|;|^[ \t]*GO[ \t]*$|^DELIMITER[ \t]+[^\n]*$|\"[^\"]*\"|`[^`]*`"
)
_MARKS = {
    False: re.compile(rf"{_COMMENT_OR_QUOTE}|'[^']*+'", re.MULTILINE | re.IGNORECASE),
    True: re.compile(rf"{_COMMENT_OR_QUOTE}|#[^\n]*|'(?:[^'\\]++|\\.)*+'", re.MULTILINE | re.IGNORECASE | re.DOTALL),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """The text of a statement without its comments, and the line that it begins on."""

    text: str
    line: int


def split_statements(text: str, *, has_escapes: bool = False) -> Iterator[Statement]:
    """The statements that change tables, in order; `has_escapes` where a backslash escapes in strings (MySQL).

    Takes time in proportion to the text. A statement that is longer than MAX_STATEMENT_CHARS is left out.
    """
    scan = _Scan(text, _MARKS[has_escapes])
    for start, end, pieces in scan.ranges():
        statement = "".join(pieces)
        if end - start <= MAX_STATEMENT_CHARS and WANTED.match(statement):
            blank = len(statement) - len(statement.lstrip())
            yield Statement(statement.strip(), scan.line_of(start) + statement.count("\n", 0, blank))


class _Scan:
    """One pass over a text."""

    def __init__(self, text: str, marks: re.Pattern[str]) -> None:
        self.text = text
        self.marks = marks
        self.has_dollars = True
        self._line, self._counted = 1, 0

    def line_of(self, at: int) -> int:
        """The line of a place that is not before the one asked for last."""
        self._line += self.text.count("\n", self._counted, at)
        self._counted = at
        return self._line

    def ranges(self) -> Iterator[tuple[int, int, list[str]]]:
        """Beginning and end of each statement, and its text without comments, in pieces."""
        start = kept = at = 0
        pieces: list[str] = []
        while (mark := self.marks.search(self.text, at)) is not None:
            sign, at = mark[0], mark.end()
            if sign == ";" or sign.strip().upper() == "GO":
                pieces.append(self.text[kept : mark.start()])
                yield start, mark.start(), pieces
                start = kept = at = self._after_data(mark.start(), "".join(pieces[-1:]), at)
                pieces = []
            elif sign.startswith(("--", "#", "/*")):
                at = self._end_of_comment(mark)
                pieces += [self.text[kept : mark.start()], "\n" * self.text.count("\n", mark.start(), at)]
                kept = at
            elif sign.startswith("$"):
                at = self._end_of_dollars(sign, at)
            elif sign[:9].upper() == "DELIMITER":
                start = kept = at = self._end_of_delimiter(sign, at)
                pieces = []
        yield start, len(self.text), [*pieces, self.text[kept:]]

    def _end_of_comment(self, mark: re.Match[str]) -> int:
        if not mark[0].startswith("/*"):
            return mark.end()
        end = self.text.find("*/", mark.end())
        return len(self.text) if end < 0 else end + 2

    def _end_of_dollars(self, sign: str, at: int) -> int:
        end = self.text.find(sign, at) if self.has_dollars else -1
        self.has_dollars = (
            self.has_dollars and end >= 0
        )  # looked for once in vain: no more, it costs the rest each time
        return at if end < 0 else end + len(sign)

    def _end_of_delimiter(self, sign: str, at: int) -> int:
        """Past a part with another delimiter: triggers and functions."""
        if sign.split()[1:] in ([";"], []):
            return at
        end = re.compile(r"^DELIMITER[ \t]+;[^\n]*$", re.MULTILINE | re.IGNORECASE).search(self.text, at)
        return len(self.text) if end is None else end.end()

    def _after_data(self, end: int, last: str, at: int) -> int:
        """Past the rows that follow a COPY of PostgreSQL's dumps."""
        if last.lstrip()[:5].upper() != "COPY " or not last.rstrip().lower().endswith("from stdin"):
            return at
        rows = self.text.find("\n\\.", end)
        return len(self.text) if rows < 0 else rows + 3
