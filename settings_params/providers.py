"""The agents that runs can be given to, by key. How each is started is known to the executor alone."""

AGENT_KEYS: tuple[str, ...] = ("script",)
