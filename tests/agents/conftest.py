"""Real agents take minutes and a package registry: only `bin/test --agents` collects these tests, by their marker.

Each agent has a server of its own for all of its tests, which one process runs: at most as many agents live at once as
there are processes.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests.agents import installing
from tests.agents.served import Served, served
from tests.databases import Migrated

MARKER = "agents"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Everything here, unless the marker is asked for."""
    return None if MARKER in str(config.getoption("markexpr")) else True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test once for each agent."""
    if "real" in metafunc.fixturenames:
        metafunc.parametrize("real", installing.AGENTS, indirect=True, scope="session")


@pytest.hookimpl(optionalhook=True)  # tests are also listed without xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    """The tests of an agent go to one process; asked for by `--dist loadscope`."""
    return ByAgent(config, log) if config.getoption("dist") == "loadscope" else None


class ByAgent(LoadScopeScheduling):
    """Tests belong together by what stands in their brackets: the agent."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.rpartition("[")[2]


@pytest.fixture(scope="session")
def real(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, migrated: Migrated, sample: Path
) -> Iterator[Served]:
    """A server with one real agent."""
    agent = str(request.param)
    if not installing.is_installed(agent):
        pytest.fail(f"The agent {agent} is not installed for the tests: `bin/test --agents` does that.", pytrace=False)
    folder = tmp_path_factory.mktemp(agent)
    shutil.copytree(sample, folder, dirs_exist_ok=True, symlinks=True)
    with served(agent, folder, migrated, folder / "remote.git") as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_is_left(real: Served) -> Iterator[None]:
    """A test that fails in its middle leaves the next one no agent that is still at work."""
    yield
    real.end_all()
