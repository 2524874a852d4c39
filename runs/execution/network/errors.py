"""What a proxy answers in place of a host; the text is for whoever reads the output of the program that asked."""


class ProxyRefusal(Exception):
    """An answer of the proxy's own: an HTTP status and a sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class NotReachable(ProxyRefusal):
    """A host that the rules do not let through. `param` is the one that the operator can change."""

    def __init__(self, host: str, port: int, message: str, param: str) -> None:
        super().__init__(403, message)
        self.host, self.port, self.param = host, port, param
