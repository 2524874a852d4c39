"""Pictures of entry points and routes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs_mgmt.generators.diagrams.routes import route_diagrams
from docs_mgmt.generators.routes.shapes import EntryPoint, Route, RoutesFound

pytestmark = pytest.mark.plumbing


def route(path: str, file: str | None = "views.py", method: str = "GET", framework: str = "flask") -> Route:
    return Route(path, method, "show", "urls.py", 1, framework, file)


def found(*routes: Route, entries: tuple[EntryPoint, ...] = ()) -> RoutesFound:
    return RoutesFound(routes, entries, ())


def test_nothing_gives_no_picture() -> None:
    assert route_diagrams(found()) == []


def test_groups_of_addresses_lead_to_the_files_that_answer() -> None:
    (diagram,) = route_diagrams(
        found(route("/users"), route("/users/<id>", "users.py", "POST"), route("/", None, "ANY"), route("/~x"))
    )

    assert (diagram.kind, diagram.title) == ("routes", "Routes")
    assert diagram.mermaid == (
        'flowchart LR\n  n1["/ (1)"]\n  n2["/users (2#58; GET, POST)"]\n  n3["/#126;x (1#58; GET)"]\n  n4["urls.py"]\n'
        '  n5["users.py"]\n  n6["views.py"]\n  n1 --> n4\n  n2 --> n5\n  n2 --> n6\n  n3 --> n6\n'
    )


def test_each_framework_has_its_own_pictures() -> None:
    diagrams = route_diagrams(found(route("/a"), route("/b", framework="express")))

    assert [each.title for each in diagrams] == ["Routes: express", "Routes: flask"]


def test_a_group_of_many_files_is_split_by_the_next_part_that_is_no_parameter() -> None:
    routes = [route(f"/api/<id>/{part}/{n}", f"{part}{n}.py") for part in ("x", "y") for n in range(9)]

    (diagram,) = route_diagrams(found(*routes))

    assert 'n1["/api/#42;/x (9#58; GET)"]' in diagram.mermaid
    assert 'n2["/api/#42;/y (9#58; GET)"]' in diagram.mermaid


def test_entry_points_stand_in_frames_of_their_kinds() -> None:
    entries = (
        EntryPoint("console script", "shop", "pyproject.toml", 2, "cli.py"),
        EntryPoint("main", "a.py", "a.py", 1, "a.py"),
    )

    (diagram,) = route_diagrams(found(entries=entries))

    assert diagram.mermaid == (
        'flowchart LR\n  n3["cli.py"]\n  subgraph g1["console script"]\n    n1["shop"]\n  end\n'
        '  subgraph g2["main"]\n    n2["a.py"]\n  end\n  n1 --> n3\n'
    )


def test_a_group_that_cannot_be_split_says_what_is_left_out() -> None:
    (diagram,) = route_diagrams(found(*(route("/x", f"f{n:03}.py") for n in range(103))))

    assert diagram.mermaid.count("-->") == 100
    assert diagram.notes == ("3 files left out: `f100.py`, `f101.py`, `f102.py`.",)


parts = st.sampled_from(["a", "b", "<id>", "{x}", ":y", "…", "c"])
paths = st.lists(parts, max_size=9).map(lambda found: "/" + "/".join(found))


@given(st.lists(st.tuples(paths, st.integers(0, 60)), max_size=150))
def test_every_route_is_in_one_group_and_no_picture_has_over_a_hundred_arrows(given: list[tuple[str, int]]) -> None:
    diagrams = route_diagrams(found(*(route(path, f"f{file}", "ANY") for path, file in given)))

    assert all(each.mermaid.count("-->") <= 100 for each in diagrams)
    labels = "".join(each.mermaid for each in diagrams)
    assert sum(int(each.rpartition(" (")[2]) for each in labels.split(')"]')[:-1]) == len(given)
