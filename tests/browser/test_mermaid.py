"""The real mermaid takes what is written for it, and shows the names as they are."""

import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from docs_mgmt.generators.diagrams.mermaid import (
    Arrow,
    Attribute,
    Box,
    Relation,
    entity_diagram,
    flowchart,
    shortened,
    shown,
)
from tests.browser.hostile_names import HOSTILE
from tests.browser.rendering import Mermaid

pytestmark = pytest.mark.browser
names = st.text(st.characters(), min_size=1, max_size=30) | st.sampled_from(HOSTILE)
in_pages = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


def chart(labels: list[str]) -> str:
    """The labels on boxes, frames and arrows."""
    boxes = [Box(str(number), label, label if number % 2 else None) for number, label in enumerate(labels)]
    arrows = [Arrow("0", box.key, box.label, number % 3 == 0) for number, box in enumerate(boxes)]
    return flowchart(boxes, arrows)


def entities(labels: list[str]) -> str:
    """The labels on entities, types, columns and relations."""
    made = {label: [Attribute(label, label, ("PK", "FK"))] for label in labels}
    return entity_diagram(made, [Relation(labels[0], label, "}o--||", label) for label in labels])


def seen(label: str) -> str:
    return "".join(shortened(shown(label), 60).split())


def without_blanks(texts: list[str]) -> list[str]:
    return ["".join(text.split()) for text in texts]


def test_what_is_not_mermaid_is_refused(mermaid: Mermaid) -> None:
    """Else the others would tell nothing."""
    assert all(mermaid.errors(["flowchart LR\n  end --> x\n", "erDiagram\n  a b {{\n"]))


def test_hostile_names_are_shown_on_boxes_as_they_are(mermaid: Mermaid) -> None:
    (drawn,) = mermaid.draw([flowchart([Box(str(n), label) for n, label in enumerate(HOSTILE)], [])])

    assert drawn.error == ""
    assert without_blanks(drawn.nodes) == [seen(label) for label in HOSTILE]
    assert drawn.foreign == 0


def test_hostile_names_are_shown_on_frames_as_they_are(mermaid: Mermaid) -> None:
    labels = sorted(set(HOSTILE))

    (drawn,) = mermaid.draw([flowchart([Box(str(n), "x", label) for n, label in enumerate(labels)], [])])

    assert (drawn.error, sorted(without_blanks(drawn.groups))) == ("", sorted(map(seen, labels)))


def test_hostile_names_are_shown_on_entities_as_they_are(mermaid: Mermaid) -> None:
    (drawn,) = mermaid.draw([entity_diagram(dict.fromkeys(HOSTILE, ()), [])])

    assert (drawn.error, without_blanks(drawn.nodes)) == ("", [seen(label) for label in HOSTILE])


@pytest.mark.parametrize("make", [chart, entities])
def test_every_hostile_name_alone_parses_and_all_together_are_drawn(
    mermaid: Mermaid, make: Callable[[list[str]], str]
) -> None:
    assert mermaid.errors([make([label]) for label in HOSTILE]) == [""] * len(HOSTILE)
    assert [(drawn.error, drawn.foreign) for drawn in mermaid.draw([make(list(HOSTILE))])] == [("", 0)]


@in_pages
@given(st.lists(st.lists(names, min_size=1, max_size=8), min_size=4, max_size=4))
def test_whatever_the_names_are_it_parses(mermaid: Mermaid, many: list[list[str]]) -> None:
    texts = [make(labels) for labels in many for make in (chart, entities)]

    assert mermaid.errors(texts) == [""] * len(texts)


@in_pages
@given(st.lists(names, min_size=1, max_size=8))
def test_whatever_the_names_are_they_are_shown(mermaid: Mermaid, labels: list[str]) -> None:
    (drawn,) = mermaid.draw([flowchart([Box(str(n), label) for n, label in enumerate(labels)], [])])

    assert (drawn.error, without_blanks(drawn.nodes)) == ("", [seen(label) for label in labels])


def random_graphs(count: int) -> Iterator[str]:
    chance = random.Random(6)  # noqa: S311 - the same graphs each time
    for _ in range(count):
        boxes = [
            Box(str(n), chance.choice(HOSTILE), chance.choice((None, *HOSTILE)), chance.random() < 0.2)
            for n in range(chance.randint(1, 40))
        ]
        pairs = {(chance.choice(boxes).key, chance.choice(boxes).key) for _ in range(chance.randint(0, 100))}
        yield flowchart(boxes, [Arrow(*pair, is_strong=chance.random() < 0.2) for pair in sorted(pairs)])


def test_hundreds_of_random_graphs_parse(mermaid: Mermaid) -> None:
    texts = list(random_graphs(150))

    assert mermaid.errors(texts) == [""] * len(texts)


def test_random_graphs_are_drawn_with_all_boxes_and_arrows(mermaid: Mermaid) -> None:
    texts = list(random_graphs(6))

    drawn = mermaid.draw(texts)

    assert [each.error for each in drawn] == [""] * len(texts)
    assert [each.edges for each in drawn] == [text.count("-->") + text.count("==>") for text in texts]
