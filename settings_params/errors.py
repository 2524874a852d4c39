"""The problems of changing settings."""

from collections.abc import Mapping

from rest_framework import status
from rest_framework.exceptions import ErrorDetail, ValidationError

from config.api.problems import Problem


class NotRemotelySettable(Problem):
    title = "This param cannot be set over the network"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "not-remotely-settable"


class ParamsInvalid(ValidationError):
    """Changes that do not fit. `reasons`: for each wrong key a code and a sentence."""

    def __init__(self, reasons: Mapping[str, tuple[str, str]]) -> None:
        super().__init__({key: [ErrorDetail(sentence, code=code)] for key, (code, sentence) in reasons.items()})
