"""The problems of projects."""

from rest_framework import status

from config.api.problems import Problem


class ProjectNotReady(Problem):
    title = "Project is not ready for this"
    status_code = status.HTTP_409_CONFLICT
    default_code = "project-not-ready"


class AlreadyMember(Problem):
    title = "That person is a member already"
    status_code = status.HTTP_409_CONFLICT
    default_code = "already-member"


class McpServerNameTaken(Problem):
    title = "The project has an MCP server of that name"
    status_code = status.HTTP_409_CONFLICT
    default_code = "mcp-server-name-taken"


class McpServersFull(Problem):
    title = "The project has as many MCP servers as it may have"
    status_code = status.HTTP_409_CONFLICT
    default_code = "mcp-servers-full"


class LastOwner(Problem):
    title = "A project keeps at least one owner"
    status_code = status.HTTP_409_CONFLICT
    default_code = "last-owner"


class DiskQuotaExceeded(Problem):
    title = "The project uses more disk than it may"
    status_code = status.HTTP_409_CONFLICT
    default_code = "disk-quota-exceeded"


class RoleRequired(Problem):
    title = "Your role in the project is too low"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "role-required"


class IndexNotUnderWay(Problem):
    title = "No index of the project's code is being made"
    status_code = status.HTTP_409_CONFLICT
    default_code = "index-not-under-way"
    default_detail = "There is nothing to cancel: the project's `index` is neither `queued` nor `indexing`."


class IndexNotReady(Problem):
    title = "There is no index of the project's code"
    status_code = status.HTTP_409_CONFLICT
    default_code = "index-not-ready"
    default_detail = "The project's code has not been indexed yet: its `index` tells how far it is, or why that failed."
