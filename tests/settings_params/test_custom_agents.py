"""Agents of the operator's own: `providers.custom_agents`."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rest_framework.test import APIClient

from projects.models import Project
from settings_params.custom_agents import CustomAgent
from settings_params.params import ParamInvalid
from settings_params.registry import PARAMS
from settings_params.services.params import change_params
from tests.config.answers import pointers, problem
from tests.settings_params.conftest import Programs

KEY = "providers.custom_agents"
PATH = "/api/settings/providers"
MINE: dict[str, Any] = {"key": "mine", "name": "My agent", "command": ["my-agent", "--acp"], "safeMode": "ask"}


def added(**members: Any) -> None:
    """Adds an agent as its operator does, on the server."""
    call_command("params", "set", KEY, json.dumps([{**MINE, **members}]), stdout=StringIO())


def shown(client: APIClient) -> dict[str, Any]:
    """The added agent in the list of agents."""
    rows: list[dict[str, Any]] = client.get(PATH).json()["data"]
    return next(row for row in rows if row["key"] == "mine")


@pytest.mark.plumbing
def test_what_an_agent_leaves_out_has_a_default() -> None:
    (record,) = PARAMS[KEY].check([MINE])
    assert CustomAgent.of(record) == CustomAgent("mine", "My agent", ("my-agent", "--acp"), (), "ask", "", {}, ())


@pytest.mark.plumbing
@pytest.mark.parametrize(
    "members",
    [
        {"key": "claude"},
        {"key": "Mine"},
        {"name": ""},
        {"command": []},
        {"command": ["bin/agent"]},
        {"command": ["agent", "--key={token}"]},
        {"vendors": ["nobody"]},
        {"safeMode": None},
        {"environment": {"A-B": "x"}},
        {"environment": {"A": 1}},
        {"folders": ["relative"]},
        {"folders": ["/"]},
        {"other": 1},
    ],
    ids=lambda members: json.dumps(members),
)
def test_an_agent_that_does_not_fit_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(ParamInvalid, match=KEY):
        PARAMS[KEY].check([{**MINE, **members}])


@pytest.mark.plumbing
def test_a_safe_mode_has_to_be_named() -> None:
    with pytest.raises(ParamInvalid, match="safeMode"):
        PARAMS[KEY].check([{name: value for name, value in MINE.items() if name != "safeMode"}])


@pytest.mark.plumbing
def test_a_key_is_taken_once() -> None:
    with pytest.raises(ParamInvalid, match="each key once"):
        PARAMS[KEY].check([MINE, MINE])


def test_an_added_agent_is_listed_and_disabled_at_first(api: APIClient, programs: Programs) -> None:
    programs.install("my-agent", "exit 1")  # nobody asks it for a version
    added()
    row = shown(api)
    assert (row["name"], row["kind"], row["available"], row["enabled"]) == ("My agent", "acp", True, False)


def test_a_missing_program_of_an_added_agent_is_told(api: APIClient, programs: Programs) -> None:
    added()
    assert shown(api)["missing"] == [
        "Install My agent (see providers.custom_agents): there is no my-agent in the server's PATH."
    ]


def test_an_added_agent_has_the_models_of_its_vendors(api: APIClient, programs: Programs) -> None:
    added(vendors=["openai"])
    change_params({"providers.openai.models": ["small"]}, actor=None, is_remote=True)
    assert (shown(api)["models"], "providers.openai.api_key" in shown(api)["missing"][-1]) == (["small"], True)


def test_a_run_takes_an_added_agent_once_it_is_enabled(
    api: APIClient, operator: APIClient, project: Project, programs: Programs
) -> None:
    programs.install("my-agent", "exit 1")
    added()
    body = {"projectId": project.pk, "title": "Try", "prompt": "Hello.", "selectedAgent": "mine"}
    assert pointers(api.post("/api/runs", body)) == {"/selectedAgent": "not-enabled"}
    assert operator.put(f"{PATH}/mine", {"enabled": True}).status_code == 200
    assert api.post("/api/runs", body).json()["selectedAgent"] == "mine"


def test_an_agent_that_was_taken_away_is_unknown(api: APIClient, operator: APIClient, project: Project) -> None:
    added()
    change_params({KEY: None}, actor=None, is_remote=False)
    body = {"projectId": project.pk, "title": "Try", "prompt": "Hello.", "selectedAgent": "mine"}
    assert pointers(api.post("/api/runs", body)) == {"/selectedAgent": "does-not-exist"}
    assert problem(operator.put(f"{PATH}/mine", {"enabled": True})) == (404, "not-found")


def test_a_project_whose_agent_was_taken_away_can_be_changed(
    api: APIClient, operator: APIClient, project: Project, programs: Programs
) -> None:
    Project.objects.update(selected_agent="mine")
    answer = api.put(f"/api/projects/{project.pk}", {"defaults": {"selectedAgent": "script"}})
    assert answer.json()["defaults"]["selectedAgent"] == "script"


def test_an_agent_is_not_added_over_the_network(operator: APIClient) -> None:
    answer = operator.put("/api/settings/server-params", {KEY: [MINE]})
    assert problem(answer) == (403, "not-remotely-settable")


def test_its_variables_are_shown_to_operators_as_they_are(api: APIClient, operator: APIClient) -> None:
    added(environment={"my_own_name": "x"})
    rows = {row["key"]: row for row in operator.get("/api/settings/server-params", {"limit": 200}).json()["data"]}
    assert rows[KEY]["value"][0]["environment"] == {"my_own_name": "x"}
    assert KEY not in api.get("/api/settings/server-params", {"limit": 200}).content.decode()


def test_a_wrong_agent_is_told_on_the_server(db: None) -> None:
    with pytest.raises(CommandError, match="takes as command a list"):
        added(command="my-agent")
