"""Examples of bodies, `examples.json` by the name of their schema; a page's is made of its row's."""

import json
from pathlib import Path
from typing import Any

EXAMPLES: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


def add_examples(schemas: dict[str, Any]) -> None:
    """Puts each beside its schema, and into the pages of it."""
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
        if page := schemas.get(f"{name}Page"):
            last = {"lastEventId": example["id"]} if name == "Event" else {}
            page["examples"] = [{"data": [example], "meta": {"nextCursor": None, **last}}]
