"""Prisma's schema language: the blocks of a file with their lines, fields and attributes."""

import re
from dataclasses import dataclass, field, replace

MAX_ATTRIBUTE_CHARS = 4_000
BLOCK = re.compile(r"^\s*(model|view|type|enum|datasource|generator)\s+(\w+)\s*\{\s*(?://.*)?$")
ATTRIBUTE = re.compile(r"@@?([\w.]+)")
FIELD = re.compile(r"^\s*(\w+)\s+(Unsupported\((?:[^()\"]|\"[^\"]*\")*\)|\w+)(\[\])?(\?)?(.*)$")


@dataclass(frozen=True, slots=True)
class PrismaAttribute:
    """`@name(positional, key: value)`; values are as they are written."""

    name: str
    positional: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    line: int = 0

    def value(self, key: str, at: int | None = 0) -> str | None:
        """A named argument, else the positional one at that place."""
        found = dict(self.named).get(key)
        if found is None and at is not None and at < len(self.positional):
            return self.positional[at]
        return found

    def text(self, key: str, at: int | None = 0) -> str | None:
        """The same as the text of a string."""
        found = self.value(key, at)
        return found[1:-1] if found is not None and len(found) > 1 and found[0] == found[-1] == '"' else None

    def names(self, key: str, at: int | None = 0) -> tuple[str, ...]:
        """The same as the names in a list, without what is given to each: `[a, b(sort: Desc)]`."""
        found = (self.value(key, at) or "").strip()
        inner = found[1:-1] if found.startswith("[") else found
        return tuple(part.partition("(")[0].strip() for part in split_arguments(inner) if part.strip())


@dataclass(frozen=True, slots=True)
class PrismaField:
    name: str
    type: str
    is_list: bool
    is_optional: bool
    attributes: tuple[PrismaAttribute, ...]
    line: int

    def attribute(self, name: str) -> PrismaAttribute | None:
        return next((one for one in self.attributes if one.name == name), None)


@dataclass(slots=True)
class PrismaBlock:
    """A model, enum, view, type or datasource; `settings` are the lines `name = value` of a datasource."""

    kind: str
    name: str
    path: str
    line: int
    fields: list[PrismaField] = field(default_factory=list)
    attributes: list[PrismaAttribute] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)

    def attribute(self, name: str) -> PrismaAttribute | None:
        return next((one for one in self.attributes if one.name == name), None)


def parse_prisma(path: str, text: str) -> tuple[list[PrismaBlock], list[int]]:
    """The blocks of a file, and the lines within them that are not understood."""
    blocks: list[PrismaBlock] = []
    broken: list[int] = []
    here: PrismaBlock | None = None
    for number, raw in _logical_lines(text):
        line = raw.strip()
        opened = BLOCK.match(raw)
        if here is None and opened:
            here = PrismaBlock(opened[1], opened[2], path, number)
            blocks.append(here)
        elif here is not None and line == "}":
            here = None
        elif here is not None and line and not _take(here, line, number):
            broken.append(number)
    return blocks, broken


def split_arguments(text: str) -> list[str]:
    """Split at commas that stand in no brackets and no string."""
    parts, depth, start, quoted = [], 0, 0, False
    for at, sign in enumerate(text):
        if sign == '"' and (at == 0 or text[at - 1] != "\\"):
            quoted = not quoted
        elif not quoted and sign in "([{":
            depth += 1
        elif not quoted and sign in ")]}":
            depth -= 1
        elif not quoted and sign == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def parse_attributes(text: str) -> list[PrismaAttribute]:
    """The attributes in the rest of a line: `@id @default(uuid()) @db.VarChar(20)`."""
    found: list[PrismaAttribute] = []
    at = 0
    while (mark := ATTRIBUTE.search(text, at)) is not None:
        at = mark.end()
        inner = ""
        if text[at : at + 1] == "(":
            end = _closing(text, at)
            inner, at = text[at + 1 : end], end + 1
        found.append(_attribute(mark[1], inner))
    return found


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines without comments; one whose brackets are open is joined with those that close them."""
    lines: list[tuple[int, str]] = []
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        bare = _without_comment(raw)
        start = start if pending else number
        pending = f"{pending} {bare.strip()}" if pending else bare
        if _open_brackets(pending) <= 0 or len(pending) > MAX_ATTRIBUTE_CHARS:
            lines.append((start, pending))
            pending = ""
    return [*lines, (start, pending)] if pending else lines


def _without_comment(line: str) -> str:
    quoted = False
    for at, sign in enumerate(line):
        if sign == '"' and (at == 0 or line[at - 1] != "\\"):
            quoted = not quoted
        elif not quoted and line.startswith("//", at):
            return line[:at]
    return line


def _open_brackets(line: str) -> int:
    bare = re.sub(r'"[^"]*"', "", line)
    return sum(bare.count(sign) for sign in "([") - sum(bare.count(sign) for sign in ")]")


def _closing(text: str, opening: int) -> int:
    depth, quoted = 0, False
    for at in range(opening, len(text)):
        if text[at] == '"' and text[at - 1] != "\\":
            quoted = not quoted
        elif not quoted and text[at] in "([":
            depth += 1
        elif not quoted and text[at] in ")]":
            depth -= 1
            if not depth:
                return at
    return len(text)


def _attribute(name: str, inner: str) -> PrismaAttribute:
    positional: list[str] = []
    named: list[tuple[str, str]] = []
    for part in split_arguments(inner):
        key = re.match(r"\s*(\w+)\s*:(.*)$", part, re.DOTALL)
        if key:
            named.append((key[1], key[2].strip()))
        elif part.strip():
            positional.append(part.strip())
    return PrismaAttribute(name, tuple(positional), tuple(named))


def _take(block: PrismaBlock, line: str, number: int) -> bool:
    if line.startswith("@@"):
        block.attributes += [replace(one, line=number) for one in parse_attributes(line)]
        return True
    if block.kind in {"datasource", "generator"}:
        name, sign, value = line.partition("=")
        block.settings[name.strip()] = value.strip()
        return bool(sign)
    if block.kind == "enum":
        return True
    found = FIELD.match(line)
    if found is None:
        return False
    attributes = tuple(parse_attributes(found[5]))
    block.fields.append(PrismaField(found[1], found[2], bool(found[3]), bool(found[4]), attributes, number))
    return True
