"""How much a commit would put on disk, counted before anything is written: ten trees can name ten billion files."""

from dataclasses import dataclass

from projects.git.errors import GitFailed, WorkTreeRefused
from projects.git.repository import Repository

MAXIMUM_NAME_BYTES = 4000
"""PATH_MAX of Linux, less what comes before a name."""


@dataclass(frozen=True)
class CheckoutLimits:
    """The most that a work tree may hold when it is made."""

    files: int = 500_000
    total_bytes: int = 20 << 30


USUAL_LIMITS = CheckoutLimits()


def check_extent(repository: Repository, commit: str, limits: CheckoutLimits) -> None:
    """Raises WorkTreeRefused `too-many-files`, `too-large` or `path-too-long` for a commit beyond the limits.

    Stops at the first file that is too much: it takes no longer for a tree without end than for the largest allowed.
    """
    files = total_bytes = 0
    rest = b""
    try:
        for piece in repository.stream(["ls-tree", "-r", "-l", "-z", "--full-tree", commit]):
            *records, rest = (rest + piece).split(b"\0")
            files += len(records)
            total_bytes += sum(map(_size_of, records))
            if files > limits.files:
                raise _refused(f"more than {limits.files} files", "too-many-files", "git.checkout_files")
            if total_bytes > limits.total_bytes:
                raise _refused(f"more than {limits.total_bytes >> 20} MiB of files", "too-large", "git.checkout_gb")
            if len(rest) > 2 * MAXIMUM_NAME_BYTES:
                raise _too_long()
    except GitFailed as error:
        if error.exit_status < 0:  # git's own stack is not deep enough for such a tree
            raise _too_long() from error
        raise


def _size_of(record: bytes) -> int:
    head, _, name = record.partition(b"\t")
    if len(name) > MAXIMUM_NAME_BYTES:
        raise _too_long()
    size = head.rpartition(b" ")[2]
    return int(size) if size.isdigit() else 0


def _refused(what: str, code: str, param: str) -> WorkTreeRefused:
    return WorkTreeRefused(
        f"The commit holds {what}, which is more than a work tree may have here. The operator can raise {param}.",
        code=code,
    )


def _too_long() -> WorkTreeRefused:
    return WorkTreeRefused("The commit's folders are nested too deep to be checked out.", code="path-too-long")
