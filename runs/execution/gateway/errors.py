"""How a call through the gateway ends other than by the model server's answer."""


class CallRefused(Exception):
    """The call is not passed on, or could not be. `message` is for the agent and its reader: it holds no secret."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
