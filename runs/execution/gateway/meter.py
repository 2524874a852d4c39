"""Who is asked before a model call is made, and told what it has used."""

from dataclasses import dataclass
from typing import Protocol

from .usage import Usage


@dataclass(frozen=True)
class Call:
    """One call that costs: which vendor's API, which model (as the agent names it)."""

    vendor: str
    model: str


class Meter(Protocol):
    """Of one sitting. It knows nothing of HTTP."""

    async def admit(self, call: Call) -> None:
        """Returns as soon as the call may be made, which may take days; CallRefused when it may not."""

    def settle(self, call: Call, usage: Usage) -> None:
        """The call is over. Must neither wait nor raise: whoever calls may be on its way out."""
