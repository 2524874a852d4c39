"""How working with an agent fails: expected ways only, each with a reason that a person can read."""


class AgentFailed(Exception):
    """The agent could not do what it was asked; ``reason`` says why and, where it can, who must act."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AgentGone(AgentFailed):
    """The agent's process ended, or closed its output, while it was needed."""
