"""Whether a request's query has only parameters that are read, each once: a misspelt one must not be ignored."""

from collections import Counter
from collections.abc import Container, Iterable

from config.api.problems import InvalidParameter


def wrong_parameter(names: Iterable[str], known: Container[str]) -> InvalidParameter | None:
    """400 `invalid-parameter` for the first that is unknown or given more than once; None where all are right."""
    for name, count in Counter(names).items():
        if name not in known:
            return InvalidParameter(f"There is no query parameter {name!r} here.", parameter=name)
        if count > 1:
            return InvalidParameter(f"{name} is given more than once.", parameter=name)
    return None
