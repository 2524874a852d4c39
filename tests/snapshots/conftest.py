"""A run that is over, and its work tree."""

from pathlib import Path

import pytest

from runs.models import Run
from tests.conftest import QueueRun

PROMPT = "```file note.txt\nhello\n```"


@pytest.fixture
def done(carry_out_once: QueueRun) -> Run:
    """It has written a note."""
    made = carry_out_once(PROMPT)
    assert made.status == "completed", made.error
    return made


@pytest.fixture
def tree(done: Run) -> Path:
    """The folder of the run's work tree."""
    workspace = done.attempts.get().workspace
    assert workspace is not None
    return workspace.work_tree_path
