"""How a log line is written; it takes out what would let its reader in: the signatures of blob addresses."""

import logging
import re

_SIGNED = re.compile(r"(/api/blobs/)[A-Za-z0-9:_-]+")


class LineFormatter(logging.Formatter):
    """Django's, Twisted's and our own lines, tracebacks included, with `/api/blobs/…` in place of signed addresses."""

    def format(self, record: logging.LogRecord) -> str:
        return _SIGNED.sub(r"\1…", super().format(record))
