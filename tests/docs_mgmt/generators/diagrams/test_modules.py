"""Pictures of what imports what."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs_mgmt.generators.diagrams.modules import MAX_DIAGRAMS, module_diagrams
from projects.indexing.shapes import FileLink
from tests.docs_mgmt.generators.diagrams.made import indexed, linked

pytestmark = pytest.mark.plumbing
paths = st.lists(st.sampled_from(["a", "b", "c", "d d"]), min_size=1, max_size=5).map("/".join)
pairs = st.lists(st.tuples(paths, paths), max_size=150)


def arrows(mermaid: str) -> int:
    return len(re.findall(r"-->|==>", mermaid))


def test_few_files_are_one_picture_with_frames_for_folders() -> None:
    (diagram,) = module_diagrams(*linked(("app/views.py", "app/models.py"), ("app/api/v1.py", "app/models.py")))

    assert (diagram.kind, diagram.title, diagram.notes) == ("modules", "Modules of app", ())
    assert diagram.mermaid == (
        'flowchart LR\n  n2["models.py"]\n  n3["views.py"]\n  subgraph g1["api"]\n    n1["v1.py"]\n  end\n'
        "  n1 --> n2\n  n3 --> n2\n"
    )


def test_nothing_linked_gives_no_picture() -> None:
    assert module_diagrams([indexed("a.py")], []) == []


def test_tests_and_imports_of_itself_are_not_drawn() -> None:
    files = [indexed("a.py"), indexed("b.py"), indexed("test_a.py", "test")]
    links = [FileLink("test_a.py", "a.py"), FileLink("a.py", "a.py"), FileLink("a.py", "b.py")]

    assert arrows(module_diagrams(files, links)[0].mermaid) == 1


def test_a_cycle_is_drawn_thick_and_named() -> None:
    (diagram,) = module_diagrams(*linked(("p/a", "p/b"), ("p/b", "p/c"), ("p/c", "p/a"), ("p/c", "p/d")))

    assert diagram.mermaid.count("==>") == 3
    assert "class n1,n2,n3 cycle" in diagram.mermaid
    assert diagram.notes == ("Cycle: `a`, `b`, `c`.",)


def test_many_files_are_drawn_by_folder_and_then_each_folder() -> None:
    inside = [(f"{area}/f{n}", f"{area}/f{n + 1}") for area in ("x", "y") for n in range(55)]
    diagrams = module_diagrams(*linked(*inside, ("x/f0", "y/f0"), ("x/f1", "y/f0")))

    assert [each.title for each in diagrams] == ["Modules", "Modules of x", "Modules of y"]
    assert diagrams[0].mermaid == 'flowchart LR\n  n1["x/"]\n  n2["y/"]\n  n1 -->|"2"| n2\n'


def test_a_folder_with_too_many_imports_says_what_is_left_out() -> None:
    (diagram,) = module_diagrams(*linked(*((f"f{a}", f"f{b}") for a in range(20) for b in range(20) if a < b)))

    assert arrows(diagram.mermaid) == 100
    assert diagram.notes == ("90 lines of 190 left out: those to what is imported least.",)


def test_too_many_folders_are_told_and_not_drawn() -> None:
    inside = [(f"a{area:02}/f{n}", f"a{area:02}/f{n + 1}") for area in range(50) for n in range(15)]
    across = [(f"a{area:02}/f0", "a00/f0") for area in range(1, 50)]

    diagrams = module_diagrams(*linked(*inside, *across))

    assert len(diagrams) == MAX_DIAGRAMS
    assert diagrams[0].notes[-1].startswith("Folders with no picture of their own, as there are too many: `a39`, `a40`")


def test_small_folders_share_a_picture() -> None:
    inside = [(f"a{area:02}/f{n}", f"a{area:02}/f{n + 1}") for area in range(12) for n in range(9)]

    diagrams = module_diagrams(*linked(*inside, ("a00/f0", "a01/f0")))

    titles = ["Modules", *["Modules: within its small folders"] * 2]
    assert [each.title for each in diagrams] == titles
    assert [arrows(each.mermaid) for each in diagrams] == [1, 54, 54]


def test_the_order_of_what_is_given_does_not_matter() -> None:
    chance = random.Random(1)  # noqa: S311 - the same graphs each time
    inside = [(f"{chance.randint(0, 9)}/{chance.randint(0, 9)}", f"{chance.randint(0, 9)}/x") for _ in range(300)]
    files, links = linked(*inside)

    assert module_diagrams(files, links) == module_diagrams(files[::-1], links[::-1])


@given(pairs)
def test_every_link_is_drawn_in_some_picture_and_no_picture_has_over_a_hundred(given: list[tuple[str, str]]) -> None:
    """Lines with a number stand for as many; a folder of few files is drawn by file."""
    wanted = {pair for pair in given if pair[0] != pair[1]}

    diagrams = module_diagrams(*linked(*given))

    assert all(arrows(each.mermaid) <= 100 for each in diagrams)
    numbers = [
        int(found or 1) for each in diagrams for found in re.findall(r'(?:-->|==>)(?:\|"(\d+)"\|)?', each.mermaid)
    ]
    assert sum(numbers) == len(wanted)
