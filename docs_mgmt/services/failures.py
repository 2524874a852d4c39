"""Why documents could not be generated, in words for people: the same for a project's and for a run's."""

import errno
import logging

from docs_mgmt.indexed_code import CodeNotIndexed
from projects.git.errors import GitError

logger = logging.getLogger(__name__)


def failure_of(error: Exception, attempted: str) -> dict[str, str]:
    """`{code, message}`. What is a fault of ours goes into the log as the failure of what was attempted."""
    if isinstance(error, GitError):
        return {"code": error.code, "message": error.message}
    if isinstance(error, CodeNotIndexed):
        return {"code": "index-not-ready", "message": str(error)}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return {
            "code": "disk-full",
            "message": "The server's disk is full: its operator must make room, then try again.",
        }
    logger.error("%s failed.", attempted, exc_info=error)
    return {"code": "internal-error", "message": "It failed inside the server: see its log. Try again."}
