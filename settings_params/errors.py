"""The problems of changing settings."""

from rest_framework import status

from config.api.problems import Problem


class NotRemotelySettable(Problem):
    title = "This param cannot be set over the network"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "not-remotely-settable"
