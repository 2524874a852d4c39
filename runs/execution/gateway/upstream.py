"""The model servers as the operator has set them."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Upstream:
    """One vendor's model server: its address, and the key that it wants (None where it does without)."""

    base_url: str
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Timeouts:
    """In seconds. Between two pieces of an answer a model may think for long."""

    connect: float = 20.0
    silence: float = 900.0
    body: float = 60.0
