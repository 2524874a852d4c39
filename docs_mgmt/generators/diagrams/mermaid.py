"""Mermaid text that parses and shows what it should whatever the names are: ids are numbers, labels are escaped.

Nothing else in this package writes Mermaid. Sources: mermaid.js.org/syntax, and what its lexers and its treatment of
entities really do, which the tests of a browser watch.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

MAX_EDGES = 100
MAX_LABEL_CHARACTERS = 60
UNNAMED = "(no name)"
_OF_ITS_ESCAPES = str.maketrans({"ﬂ": "fl", "¶": "\ufffd"})  # it writes `ﬂ°35¶ß` for itself, and would decode a name's
# All but letters, digits and some marks; an underscore at the edge of a word would make it oblique. The colon is among
# them: after `style…:` mermaid takes the semicolon of an escape away.
_ESCAPED = re.compile(r"(?<![^\W_])_|_(?![^\W_])|[^\w ./,()+=-]")
_CYCLE_STYLE = "classDef cycle stroke:#c0392b,stroke-width:3px"
_NOT_IN_WORDS = re.compile(r"[^A-Za-z0-9_]+")
_KEY_WORDS = frozenset({"pk", "fk", "uk"})


@dataclass(frozen=True, slots=True)
class Box:
    """A node of a flowchart; boxes of one `group` are drawn in a frame with that name."""

    key: str
    label: str
    group: str | None = None
    is_in_cycle: bool = False


@dataclass(frozen=True, slots=True)
class Arrow:
    """A line of a flowchart between the keys of two boxes; a strong one is drawn thick."""

    source: str
    target: str
    label: str | None = None
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """A line of an entity: `keys` of PK, FK, UK."""

    type: str
    name: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relation:
    """A line between two entities by their names: the ends as Mermaid writes them, as in `}o--||`."""

    source: str
    target: str
    ends: str
    label: str


def quoted(text: str, limit: int = MAX_LABEL_CHARACTERS) -> str:
    """A label in quotes that shows the text: on one line, shortened in its middle, what cannot be shown replaced."""
    escaped = _ESCAPED.sub(lambda found: f"#{ord(found[0])};", shortened(shown(text), limit))
    return f'"{escaped}"'


def shown(text: str) -> str:
    """The text on one line, without what has no glyph or turns the direction of writing."""
    visible = ("\ufffd" if unicodedata.category(each)[0] == "C" and not each.isspace() else each for each in text)
    return " ".join("".join(visible).translate(_OF_ITS_ESCAPES).split()) or UNNAMED


def shortened(text: str, limit: int) -> str:
    """The text, its middle left out where it has more characters than that: the end of a path tells most."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 3
    return f"{text[:head]}…{text[-(limit - 1 - head) :]}"


def flowchart(boxes: Sequence[Box], arrows: Sequence[Arrow], *, direction: str = "LR") -> str:
    """A flowchart of these, in their order; arrows of unknown boxes raise KeyError."""
    ids = {box.key: f"n{number}" for number, box in enumerate(boxes, 1)}
    lines = [f"flowchart {direction}", *_frames(boxes, ids)]
    lines += [_arrow(arrow, ids) for arrow in arrows]
    if marked := [ids[box.key] for box in boxes if box.is_in_cycle]:
        lines += [f"  {_CYCLE_STYLE}", f"  class {','.join(marked)} cycle"]
    return "\n".join(lines) + "\n"


def _frames(boxes: Sequence[Box], ids: Mapping[str, str]) -> Iterator[str]:
    for box in boxes:
        if box.group is None:
            yield f"  {ids[box.key]}[{quoted(box.label)}]"
    groups = dict.fromkeys(box.group for box in boxes if box.group is not None)
    for number, group in enumerate(groups, 1):
        yield f"  subgraph g{number}[{quoted(group)}]"
        yield from (f"    {ids[box.key]}[{quoted(box.label)}]" for box in boxes if box.group == group)
        yield "  end"


def _arrow(arrow: Arrow, ids: Mapping[str, str]) -> str:
    line = "==>" if arrow.is_strong else "-->"
    label = "" if arrow.label is None else f"|{quoted(arrow.label)}|"
    return f"  {ids[arrow.source]} {line}{label} {ids[arrow.target]}"


def entity_diagram(entities: Mapping[str, Sequence[Attribute]], relations: Sequence[Relation]) -> str:
    """An entity-relationship diagram; relations of unknown entities raise KeyError."""
    ids = {name: f"e{number}" for number, name in enumerate(entities, 1)}
    lines = ["erDiagram"]
    for name, attributes in entities.items():
        lines += [f"  {ids[name]}[{quoted(name)}] {{", *map(_attribute, attributes), "  }"]
    lines += [f"  {ids[each.source]} {each.ends} {ids[each.target]} : {quoted(each.label)}" for each in relations]
    return "\n".join(lines) + "\n"


def _attribute(attribute: Attribute) -> str:
    """Its name is a word of ASCII; where that is not what it is called, the name stands behind it."""
    name = word(attribute.name)
    keys = f" {', '.join(attribute.keys)}" if attribute.keys else ""
    comment = "" if name == attribute.name else f" {quoted(attribute.name)}"
    return f"    {word(attribute.type.partition('(')[0])} {name}{keys}{comment}"


def word(text: str) -> str:
    """A word that Mermaid takes as the type or name of an attribute."""
    made = _NOT_IN_WORDS.sub("_", text.strip())[:MAX_LABEL_CHARACTERS]
    is_no_word = not made[:1].isalpha() or made.lower() in _KEY_WORDS
    return f"_{made}" if is_no_word else made
