"""Names as the frameworks make them of one another: classes to tables, singular to plural."""

import re

IRREGULAR = {
    "person": "people", "child": "children", "man": "men", "woman": "women", "mouse": "mice", "datum": "data",
    "medium": "media", "criterion": "criteria", "index": "indices", "matrix": "matrices", "analysis": "analyses",
    "status": "statuses", "address": "addresses", "quiz": "quizzes", "series": "series", "equipment": "equipment",
    "information": "information", "news": "news", "money": "money", "leaf": "leaves", "life": "lives",
}  # fmt: skip


def plural(name: str) -> str:
    """The plural of the last word of a name in snake case, by the rules of Rails and Laravel."""
    head, separator, word = name.rpartition("_")
    if word in IRREGULAR:
        return head + separator + IRREGULAR[word]
    if re.search(r"[^aeiou]y$", word):
        return f"{name[:-1]}ies"
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{name}es"
    return f"{name}s"


def singular(name: str) -> str:
    """The singular of the last word of a name in snake case."""
    head, separator, word = name.rpartition("_")
    known = next((one for one, many in IRREGULAR.items() if many == word), None)
    if known is not None:
        return head + separator + known
    if word.endswith("ies") and len(word) > len("ties"):
        return f"{name[:-3]}y"
    if word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return name[:-2]
    return name[:-1] if word.endswith("s") and not word.endswith("ss") else name


def snake(name: str) -> str:
    """`HTTPRequestLog` as `http_request_log`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name[:200])
    return parted.replace("-", "_").lower()
