"""Mermaid text that parses and shows what it should whatever the names are: ids are numbers, labels are escaped.

Nothing else in this package writes Mermaid. Sources: mermaid.js.org/syntax, and what its lexers and its treatment of
entities really do, which the tests of a browser watch.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MAX_EDGES = 100
MAX_LABEL_CHARACTERS = 60
SHORT_LABEL_CHARACTERS = 16
MAX_TEXT_CHARACTERS = 48_000
"""Mermaid draws nothing of 50,000 and more: where names are that long, or all punctuation, they are cut short."""
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
    return _that_fits(lambda limit: _flowchart(boxes, arrows, direction, limit))


def _that_fits(write: Callable[[int], str]) -> str:
    text = write(MAX_LABEL_CHARACTERS)
    return text if len(text) <= MAX_TEXT_CHARACTERS else write(SHORT_LABEL_CHARACTERS)


def _flowchart(boxes: Sequence[Box], arrows: Sequence[Arrow], direction: str, limit: int) -> str:
    ids = {box.key: f"n{number}" for number, box in enumerate(boxes, 1)}
    lines = [f"flowchart {direction}", *_frames(boxes, ids, limit)]
    lines += [_arrow(arrow, ids, limit) for arrow in arrows]
    if marked := [ids[box.key] for box in boxes if box.is_in_cycle]:
        lines += [f"  {_CYCLE_STYLE}", f"  class {','.join(marked)} cycle"]
    return "\n".join(lines) + "\n"


def _frames(boxes: Sequence[Box], ids: Mapping[str, str], limit: int) -> Iterator[str]:
    framed: dict[str, list[Box]] = {}
    for box in boxes:
        if box.group is None:
            yield f"  {ids[box.key]}[{quoted(box.label, limit)}]"
        else:
            framed.setdefault(box.group, []).append(box)
    for number, (group, inner) in enumerate(framed.items(), 1):
        yield f"  subgraph g{number}[{quoted(group, limit)}]"
        yield from (f"    {ids[box.key]}[{quoted(box.label, limit)}]" for box in inner)
        yield "  end"


def _arrow(arrow: Arrow, ids: Mapping[str, str], limit: int) -> str:
    line = "==>" if arrow.is_strong else "-->"
    label = "" if arrow.label is None else f"|{quoted(arrow.label, limit)}|"
    return f"  {ids[arrow.source]} {line}{label} {ids[arrow.target]}"


def entity_diagram(entities: Mapping[str, Sequence[Attribute]], relations: Sequence[Relation]) -> str:
    """An entity-relationship diagram; relations of unknown entities raise KeyError."""
    return _that_fits(lambda limit: _entity_diagram(entities, relations, limit))


def _entity_diagram(entities: Mapping[str, Sequence[Attribute]], relations: Sequence[Relation], limit: int) -> str:
    ids = {name: f"e{number}" for number, name in enumerate(entities, 1)}
    lines = ["erDiagram"]
    for name, attributes in entities.items():
        lines += [f"  {ids[name]}[{quoted(name, limit)}] {{", *(_attribute(each, limit) for each in attributes), "  }"]
    for each in relations:
        lines.append(f"  {ids[each.source]} {each.ends} {ids[each.target]} : {quoted(each.label, limit)}")
    return "\n".join(lines) + "\n"


def _attribute(attribute: Attribute, limit: int) -> str:
    """Its name is a word of ASCII; where that is not what it is called, the name stands behind it."""
    name = word(attribute.name, limit)
    keys = f" {', '.join(attribute.keys)}" if attribute.keys else ""
    comment = "" if name == attribute.name else f" {quoted(attribute.name, limit)}"
    return f"    {word(attribute.type.partition('(')[0], limit)} {name}{keys}{comment}"


def word(text: str, limit: int = MAX_LABEL_CHARACTERS) -> str:
    """A word that Mermaid takes as the type or name of an attribute."""
    made = _NOT_IN_WORDS.sub("_", text.strip())[:limit]
    is_no_word = not made[:1].isalpha() or made.lower() in _KEY_WORDS
    return f"_{made}" if is_no_word else made
