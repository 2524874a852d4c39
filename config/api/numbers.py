"""Which JSON numbers are integers."""

from typing import TypeGuard


def is_whole(value: object) -> TypeGuard[int | float]:
    """Whether a JSON number is an integer: 7.0 is 7 too (JSON knows one kind of number; JSON Schema, section 6.1.1)."""
    return type(value) is int or (type(value) is float and value.is_integer())
