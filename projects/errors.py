"""The problems of projects."""

from rest_framework import status

from config.api.problems import Problem


class ProjectNotReady(Problem):
    title = "Project is not ready for this"
    status_code = status.HTTP_409_CONFLICT
    default_code = "project-not-ready"


class RoleRequired(Problem):
    title = "Your role in the project is too low"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "role-required"
