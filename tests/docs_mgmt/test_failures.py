"""Why documents could not be generated: by whose hand it can be mended."""

import errno
import logging

import pytest

from docs_mgmt.indexed_code import CodeNotIndexed
from docs_mgmt.services.failures import failure_of
from projects.git.errors import GitError

pytestmark = pytest.mark.plumbing


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CodeNotIndexed("No index."), "index-not-ready"),
        (OSError(errno.ENOSPC, "full"), "disk-full"),
        (OSError(errno.EDQUOT, "full"), "disk-full"),
        (GitError("It is broken."), GitError.default_code),
    ],
    ids=["no index", "disk", "quota", "git"],
)
def test_what_somebody_can_mend_is_told_and_not_logged(
    error: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert failure_of(error, "Making them")["code"] == code
    assert caplog.records == []


def test_a_fault_of_ours_is_in_the_log_with_what_was_attempted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert failure_of(KeyError("x"), "Making them")["code"] == "internal-error"
    assert "Making them failed." in caplog.text
    assert "KeyError" in caplog.text
