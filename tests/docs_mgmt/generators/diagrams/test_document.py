"""The document of all diagrams."""

import pytest

from docs_mgmt.generators.diagrams.document import NOTHING, render_diagrams
from docs_mgmt.generators.routes.shapes import Route, RoutesFound, UnreadFile
from tests.docs_mgmt.generators.diagrams.made import linked
from tests.docs_mgmt.generators.diagrams.schemas import schema, table

pytestmark = pytest.mark.plumbing
EMPTY = RoutesFound((), (), ())


def test_the_whole_document() -> None:
    routes = RoutesFound(
        (
            Route("/a|b/<id>", "GET", "", "urls.py", 3, "flask", "views.py"),
            Route("/c", "POST", "v.`c`", "urls.py", 4, "flask"),
        ),
        (),
        (UnreadFile("x_y.py", "no Python that is understood (line 1)"),),
    )

    text = render_diagrams(*linked(("a.py", "b.py"), ("b.py", "a.py")), schema([table("t_t", "id")]), routes)

    assert (
        text
        == """## Modules

### Modules

```mermaid
flowchart LR
  n1["a.py"]
  n2["b.py"]
  n1 ==> n2
  n2 ==> n1
  classDef cycle stroke:#c0392b,stroke-width:3px
  class n1,n2 cycle
```

- Cycle: `a.py`, `b.py`.

## Entry points and routes

### Routes

```mermaid
flowchart LR
  n1["/a#124;b (1#58; GET)"]
  n2["/c (1#58; POST)"]
  n3["urls.py"]
  n4["views.py"]
  n1 --> n4
  n2 --> n3
```

### All routes

| method | address | answered by | said in |
| --- | --- | --- | --- |
| GET | `/a\\|b/<id>` | code on the spot in `views.py` | `urls.py:3` |
| POST | `/c` | `` v.`c` `` | `urls.py:4` |

## Database

### Tables

```mermaid
erDiagram
  e1["t_t"] {
    varchar id
  }
```

## What was not understood

- `x_y.py`: no Python that is understood (line 1).
"""
    )


def test_of_nothing_it_says_so() -> None:
    assert render_diagrams([], [], schema([]), EMPTY) == f"{NOTHING}\n"


def test_no_name_ends_a_fence() -> None:
    name = "```\n# x"

    text = render_diagrams(*linked((name, "b")), schema([table(name, name)]), EMPTY)

    assert text.count("```") == 4
    assert "\n# x" not in text
