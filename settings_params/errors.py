"""The problems of changing settings."""

from collections.abc import Mapping

from rest_framework import status

from config.api.problems import Problem, ValidationFailed

RESTORE_KEYS = (
    "Operator: put back the file encryption_keys of the data folder (or the variable QUARTERDECK_ENCRYPTION_KEYS) from "
    "the backup that belongs to this database, or set the secret anew."
)


class NotRemotelySettable(Problem):
    title = "This param cannot be set over the network"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "not-remotely-settable"


class SecretUnreadable(Problem):
    """A stored secret cannot be read, or a new one not stored, with the present keys. It tells no secret, no path."""

    title = "Server cannot open its stored secrets"
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "secret-unreadable"
    default_detail = "No encryption key opens a stored secret."

    def __init__(self, reason: str | None = None) -> None:
        super().__init__(f"{reason or self.default_detail} {RESTORE_KEYS}")


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
