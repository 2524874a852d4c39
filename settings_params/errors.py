"""The problems of changing settings."""

from collections.abc import Mapping

from rest_framework import status

from config.api.problems import Problem, ValidationFailed


class NotRemotelySettable(Problem):
    title = "This param cannot be set over the network"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "not-remotely-settable"


class ParamsInvalid(ValidationFailed):
    """Changes that do not fit. `reasons`: for each wrong key a code and a sentence."""

    def __init__(self, reasons: Mapping[str, tuple[str, str]]) -> None:
        rows = [(key.replace("~", "~0").replace("/", "~1"), *reason) for key, reason in reasons.items()]
        super().__init__(errors=[{"pointer": f"/{key}", "code": code, "detail": text} for key, code, text in rows])


class ProviderNotAvailable(Problem):
    """`missing`: sentences on what to install or set."""

    title = "Agent is not available on this server"
    status_code = status.HTTP_409_CONFLICT
    default_code = "provider-not-available"
