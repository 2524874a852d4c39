"""The problems of managed documents."""

from rest_framework import status

from config.api.problems import Problem


class _DocsConflict(Problem):
    """The documents are not in a state for it."""

    status_code = status.HTTP_409_CONFLICT


class DocsNotGenerated(_DocsConflict):
    title = "The repository does not hold this document"
    default_code = "docs-not-generated"


class DocsTooLarge(_DocsConflict):
    title = "The document is too large to be shown"
    default_code = "docs-too-large"


class DocsNotAvailable(_DocsConflict):
    title = "This server does not generate documents yet"
    default_code = "docs-not-available"
    default_detail = "Generating documents comes with a later version of the server: its operator can update it then."
