"""Runs that are given to an agent of the operator's own."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from runs.execution.agents.custom_profile import custom_profile
from runs.execution.agents.profile import ModelAccess, Setting
from runs.execution.interpreter import interpreter_folders
from runs.models import Run
from settings_params.custom_agents import CustomAgent
from settings_params.models import AgentProvider
from settings_params.services.params import change_params
from tests.conftest import QueueRun, working
from tests.serving import wait_until

PROGRAM = Path(__file__).parent / "agents/note_agent.py"
MINE: dict[str, Any] = {
    "key": "mine",
    "name": "My agent",
    "command": [sys.executable, str(PROGRAM)],
    "safeMode": "ask",
    "freeMode": "free",
    "environment": {"ENDING": " In {work_tree}."},
    "folders": [*map(str, interpreter_folders()), str(PROGRAM)],
}


@pytest.fixture
def mine(cloned: Project) -> None:
    """The agent is added and enabled."""
    change_params({"providers.custom_agents": [MINE]}, actor=None, is_remote=False)
    AgentProvider.objects.create(key="mine", enabled=True)


def tree(run: Run) -> Path:
    """The run's work tree."""
    workspace = run.attempts.get().workspace
    assert workspace is not None
    return workspace.work_tree_path


@pytest.mark.usefixtures("mine")
@pytest.mark.once
def test_an_added_agent_carries_a_run_out(carry_out: QueueRun) -> None:
    run = carry_out("Hello.", selected_agent="mine")
    assert (run.status, run.error) == ("completed", None)
    assert (tree(run) / "note.txt").read_text() == f"Hello. In {tree(run)}."


@pytest.mark.usefixtures("mine")
@pytest.mark.once
def test_in_safe_mode_an_added_agent_writes_nothing_that_was_rejected(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run("Hello.", selected_agent="mine", safe_mode=True)
    with working(run):
        asked = wait_until(lambda: run.permissions.first())
        api.post(f"/api/runs/{run.pk}/permissions/{asked.pk}", {"decision": "reject"})
    run.refresh_from_db()
    assert (run.status, (tree(run) / "note.txt").exists()) == ("completed", False)


@pytest.mark.usefixtures("mine")
@pytest.mark.once
def test_a_run_whose_agent_was_taken_away_says_so(queue_run: QueueRun, work_off: Callable[[], None]) -> None:
    run = queue_run("Hello.", selected_agent="mine")
    change_params({"providers.custom_agents": None}, actor=None, is_remote=False)
    work_off()
    run.refresh_from_db()
    assert (run.status, (run.error or {}).get("code")) == ("failed", "agent-unknown")


@pytest.mark.plumbing
@pytest.mark.once
def test_an_added_agent_is_told_where_its_model_is() -> None:
    own = {"MODEL_ADDRESS": "{base_url}/v1/{model}", "OPENAI_API_KEY": "is {token}"}
    agent = CustomAgent("mine", "My agent", ("agent", "-m", "{model}"), ("openai",), "", "", own, ())
    access = ModelAccess("http://127.0.0.1:1", "secret", "openai", "small")
    setting = Setting("python", None, Path("/home/a"), Path("/tree"), is_safe=True, access=access)
    profile = custom_profile(agent)
    assert profile.command(setting) == ("agent", "-m", "small")
    assert profile.environment(setting) == {
        "OPENAI_BASE_URL": "http://127.0.0.1:1/openai/v1",
        "OPENAI_API_KEY": "is secret",
        "OPENAI_MODEL": "small",
        "MODEL_ADDRESS": "http://127.0.0.1:1/openai/v1/small",
    }
