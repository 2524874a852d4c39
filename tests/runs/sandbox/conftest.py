import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runs.execution.interpreter import interpreter_folders
from runs.execution.sandbox.ownership import give_to
from runs.execution.sandbox.spec import NOBODY, minimal_environment
from runs.execution.sandbox.support import SandboxSupport, probe
from tests.runs.sandbox.making import Maker
from tests.runs.sandbox.worker import Worker, worker_of

SERVERS = [0, NOBODY] if os.geteuid() == 0 else [os.geteuid()]


@pytest.fixture
def support() -> SandboxSupport:
    found = probe()
    if not found.is_available:
        pytest.skip(found.reason)
    return found


@pytest.fixture(params=SERVERS, ids=lambda uid: f"server-uid-{uid}")
def worker(request: pytest.FixtureRequest, support: SandboxSupport) -> Iterator[Worker]:
    with worker_of(request.param) as made:
        yield made


@pytest.fixture
def make(tmp_path: Path) -> Maker:
    home, work_tree = tmp_path / "home", tmp_path / "tree"
    (home / "tmp").mkdir(parents=True)
    work_tree.mkdir()
    if os.geteuid() == 0:
        give_to([home, work_tree], NOBODY, NOBODY)
    return Maker(work_tree, home, minimal_environment(home), interpreter_folders())
