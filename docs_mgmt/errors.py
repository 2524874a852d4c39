"""The problems of managed documents."""

from rest_framework import status

from config.api.problems import Problem


class _DocsConflict(Problem):
    """The documents are not in a state for it."""

    status_code = status.HTTP_409_CONFLICT


class DocsNotGenerated(_DocsConflict):
    title = "There is no such document yet"
    default_code = "docs-not-generated"


class DocsTooLarge(_DocsConflict):
    title = "The document is too large to be shown"
    default_code = "docs-too-large"


class DocsNotReady(_DocsConflict):
    title = "The project's documents are not generated"
    default_code = "docs-not-ready"
