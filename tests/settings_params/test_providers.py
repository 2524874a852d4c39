"""GET /api/settings/providers, PUT /api/settings/providers/{key}, `bin/manage check_providers`."""

import json
from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from config import serve
from projects.models import Project
from runs.execution.agents.registry import PROFILES
from settings_params.availability import ModelChoice, model_choice
from settings_params.models import AgentProvider
from settings_params.providers import AGENT_KEYS, MODELS, PROVIDERS, VENDORS
from settings_params.services.params import change_params
from tests.config.answers import pointers, problem
from tests.settings_params.conftest import Programs

PATH = "/api/settings/providers"
ANTHROPIC_KEY = "providers.anthropic.api_key"


def shown(client: APIClient, key: str) -> dict[str, Any]:
    """One row of the list."""
    rows: list[dict[str, Any]] = client.get(PATH).json()["data"]
    return next(row for row in rows if row["key"] == key)


def missing(client: APIClient, key: str) -> str:
    """All that is missing for one agent."""
    return " ".join(shown(client, key)["missing"])


def known_models(monkeypatch: pytest.MonkeyPatch, *models: str) -> None:
    """Lets `script` have the models of a vendor."""
    monkeypatch.setitem(PROVIDERS, "script", replace(PROVIDERS["script"], vendors=("openai",)))
    change_params({"providers.openai.models": list(models)}, actor=None, is_remote=True)


@pytest.mark.plumbing
def test_the_keys_with_an_adapter_are_those_that_the_executor_can_run() -> None:
    assert set(AGENT_KEYS) == set(PROFILES)


def test_every_agent_of_the_contract_is_listed(api: APIClient) -> None:
    keys = ["script", "claude", "codex", "opencode", "gemini", "qwen", "vibe", "openhands"]
    assert [row["key"] for row in api.get(PATH).json()["data"]] == keys


def test_the_built_in_agent_is_enabled_and_available(api: APIClient) -> None:
    assert shown(api, "script") == {
        "key": "script",
        "name": "Script",
        "kind": "builtin",
        "enabled": True,
        "available": True,
        "version": None,
        "models": [],
        "defaultModel": None,
        "capabilities": ["permissions", "resume"],
        "missing": [],
        "access": None,
    }


def test_an_agent_without_program_key_and_adapter_says_all_three(
    api: APIClient, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("settings_params.providers.AGENT_KEYS", ("script",))
    row = shown(api, "claude")
    assert (row["available"], row["enabled"], len(row["missing"])) == (False, False, 3)
    assert "Install Claude Code: bin/manage install_agent claude" in missing(api, "claude")
    assert "Set providers.anthropic.api_key" in missing(api, "claude")


def test_a_program_that_appears_is_found_and_asked_for_its_version(api: APIClient, programs: Programs) -> None:
    assert shown(api, "claude")["version"] is None
    programs.install("claude-agent-acp", "echo 0.101.0")
    assert (shown(api, "claude")["version"], "Install" in missing(api, "claude")) == ("0.101.0", False)


def test_a_program_that_goes_away_is_missing_again(api: APIClient, programs: Programs) -> None:
    path = programs.install("claude-agent-acp", "echo 0.101.0")
    shown(api, "claude")
    path.unlink()
    assert (shown(api, "claude")["version"], "Install" in missing(api, "claude")) == (None, True)


def test_a_broken_program_is_said_to_be_so(api: APIClient, programs: Programs) -> None:
    programs.install("claude-agent-acp", "exit 1")
    assert "`claude-agent-acp --version` fails" in missing(api, "claude")


def test_a_known_program_is_not_asked_again(api: APIClient, programs: Programs) -> None:
    programs.install("claude-agent-acp", f"echo 1.0; echo asked >> {programs.folder}/asked")
    shown(api, "claude")
    shown(api, "claude")
    assert (programs.folder / "asked").read_text() == "asked\n"


def test_a_key_counts_at_once(api: APIClient, programs: Programs) -> None:
    assert ANTHROPIC_KEY in missing(api, "claude")
    change_params({ANTHROPIC_KEY: "sk-x"}, actor=None, is_remote=True)
    assert ANTHROPIC_KEY not in missing(api, "claude")


def test_a_model_server_of_ones_own_does_without_a_key(api: APIClient, programs: Programs) -> None:
    change_params({"providers.openai.base_url": "http://localhost:11434/v1"}, actor=None, is_remote=True)
    assert "providers.openai" not in missing(api, "codex")


def test_one_of_several_vendors_is_enough(api: APIClient, programs: Programs) -> None:
    change_params({"providers.google.api_key": "x"}, actor=None, is_remote=True)
    assert "api_key" not in missing(api, "opencode")


def test_models_come_from_the_params(api: APIClient) -> None:
    models = {f"providers.{vendor}.models": ["b", vendor] for vendor in VENDORS}
    change_params(models, actor=None, is_remote=True)
    assert shown(api, "codex")["models"] == ["b", "openai"]
    assert shown(api, "opencode")["models"] == ["b", "anthropic", "openai", "google"]


def test_the_models_of_vendors_that_can_be_asked_are_listed(api: APIClient) -> None:
    change_params({"providers.google.api_key": "x"}, actor=None, is_remote=True)
    assert shown(api, "opencode")["models"] == list(MODELS["google"])


def test_a_model_is_asked_for_at_its_vendor(db: None) -> None:
    change_params({"providers.openai.models": ["b", "a"]}, actor=None, is_remote=True)
    assert model_choice("opencode", "a") == ModelChoice("openai", "a")
    assert model_choice("codex", None) == ModelChoice("openai", "b")
    assert (model_choice("codex", "gone"), model_choice("script", None)) == (None, None)


def test_the_list_costs_the_same_queries_with_more_rows(
    api: APIClient, programs: Programs, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for binary in ("claude-agent-acp", "codex-acp", "gemini"):
        programs.install(binary, "echo 1.0")
    api.get(PATH)
    with django_assert_max_num_queries(5):
        api.get(PATH)


def test_an_operator_disables_and_enables_an_agent(operator: APIClient) -> None:
    assert operator.put(f"{PATH}/script", {"enabled": False}).json()["enabled"] is False
    assert shown(operator, "script")["enabled"] is False
    assert operator.put(f"{PATH}/script", {"enabled": True}).json()["enabled"] is True


def test_enabling_what_is_not_available_is_a_conflict_that_says_what_is_missing(
    operator: APIClient, programs: Programs
) -> None:
    answer = operator.put(f"{PATH}/claude", {"enabled": True})
    assert problem(answer) == (409, "provider-not-available")
    assert answer.json()["missing"] == shown(operator, "claude")["missing"]
    assert not AgentProvider.objects.get(key="claude").enabled


def test_disabling_what_is_not_available_is_fine(operator: APIClient, programs: Programs) -> None:
    assert operator.put(f"{PATH}/claude", {"enabled": False}).status_code == 200


def test_a_default_model_is_chosen_and_cleared(operator: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    known_models(monkeypatch, "small", "large")
    assert operator.put(f"{PATH}/script", {"defaultModel": "large"}).json()["defaultModel"] == "large"
    assert operator.put(f"{PATH}/script", {}).json()["defaultModel"] == "large"
    assert operator.put(f"{PATH}/script", {"defaultModel": None}).json()["defaultModel"] is None


def test_a_default_model_that_is_no_model_any_more_is_none(
    operator: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_models(monkeypatch, "small", "large")
    operator.put(f"{PATH}/script", {"defaultModel": "large"})
    known_models(monkeypatch, "small")
    assert shown(operator, "script")["defaultModel"] is None


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({"defaultModel": "nothing"}, {"/defaultModel": "does-not-exist"}),
        ({"defaultModel": 5}, {"/defaultModel": "wrong-type"}),
        ({"enabled": "yes"}, {"/enabled": "wrong-type"}),
        ({"enabled": None}, {"/enabled": "null"}),
        ({"available": True}, {"/available": "unknown-member"}),
    ],
)
def test_a_change_that_does_not_fit_is_pointed_at(operator: APIClient, body: Any, wrong: dict[str, str]) -> None:
    assert pointers(operator.put(f"{PATH}/script", body)) == wrong
    assert not AuditEntry.objects.filter(action="provider_changed").exists()


def test_an_unknown_agent_is_not_found(api: APIClient, operator: APIClient) -> None:
    assert problem(api.put(f"{PATH}/nobody", {"enabled": True})) == (404, "not-found")
    assert problem(operator.put(f"{PATH}/nobody", {"enabled": True})) == (404, "not-found")


def test_only_operators_change_agents(api: APIClient) -> None:
    assert problem(api.put(f"{PATH}/script", {"enabled": "nonsense"})) == (403, "role-required")


def test_a_change_is_audited(operator: APIClient) -> None:
    operator.put(f"{PATH}/script", {"enabled": False})
    assert AuditEntry.objects.get(action="provider_changed").detail == {"provider": "script", "enabled": False}


def run_body(project: Project, **members: Any) -> dict[str, Any]:
    """A run for that project."""
    return {"projectId": project.pk, "title": "Try", "prompt": "Hello.", **members}


def test_a_run_is_not_given_to_an_agent_that_is_not_enabled(api: APIClient, project: Project) -> None:
    body = run_body(project, selectedAgent="claude")
    assert pointers(api.post("/api/runs", body)) == {"/selectedAgent": "not-enabled"}


def test_a_run_is_not_given_to_its_projects_agent_when_that_is_disabled(
    api: APIClient, operator: APIClient, project: Project
) -> None:
    operator.put(f"{PATH}/script", {"enabled": False})
    assert pointers(api.post("/api/runs", run_body(project))) == {"/selectedAgent": "not-enabled"}


def test_a_draft_is_not_moved_to_an_agent_that_is_not_enabled(api: APIClient, project: Project) -> None:
    run = api.post("/api/runs", run_body(project)).json()["id"]
    assert pointers(api.put(f"/api/runs/{run}", {"selectedAgent": "codex"})) == {"/selectedAgent": "not-enabled"}


def test_a_project_does_not_take_an_agent_that_is_not_enabled(api: APIClient, project: Project) -> None:
    body = {"defaults": {"selectedAgent": "codex"}}
    assert pointers(api.put(f"/api/projects/{project.pk}", body)) == {"/defaults/selectedAgent": "not-enabled"}


def test_a_run_takes_a_model_of_its_agent(api: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    known_models(monkeypatch, "small", "large")
    assert api.post("/api/runs", run_body(project, selectedModel="small")).json()["selectedModel"] == "small"
    wrong = api.post("/api/runs", run_body(project, selectedModel="huge"))
    assert pointers(wrong) == {"/selectedModel": "does-not-exist"}


def test_a_run_without_a_model_takes_the_projects_else_the_agents_default(
    api: APIClient, operator: APIClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_models(monkeypatch, "small", "large")
    operator.put(f"{PATH}/script", {"defaultModel": "large"})
    assert api.post("/api/runs", run_body(project)).json()["selectedModel"] == "large"
    api.put(f"/api/projects/{project.pk}", {"defaults": {"selectedModel": "small"}})
    assert api.post("/api/runs", run_body(project)).json()["selectedModel"] == "small"
    assert api.post("/api/runs", run_body(project, selectedModel=None)).json()["selectedModel"] is None


def test_the_command_lists_what_is_missing(db: None, programs: Programs) -> None:
    output = StringIO()
    call_command("check_providers", stdout=output)
    assert "script enabled available\n" in output.getvalue()
    assert "\n  Install opencode: bin/manage install_agent opencode.\n" in output.getvalue()


def test_the_command_asks_known_programs_again(db: None, programs: Programs) -> None:
    programs.install("codex-acp", f"echo 2.6; echo asked >> {programs.folder}/asked")
    output = StringIO()
    call_command("check_providers", "--json", stdout=StringIO())
    call_command("check_providers", "--json", stdout=output)
    rows = {row["key"]: row for row in json.loads(output.getvalue())}
    assert (rows["codex"]["version"], rows["codex"]["available"]) == ("2.6", False)
    assert (programs.folder / "asked").read_text() == "asked\n" * 2


def test_the_server_warns_at_its_start_of_an_enabled_agent_that_is_not_available(
    db: None, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    AgentProvider.objects.create(key="claude", enabled=True)
    serve._warn_of_missing_agents()
    said = capsys.readouterr()
    assert "WARNING: the agent claude is enabled, but not available: " in said.out + said.err
    assert "script" not in said.out + said.err


def test_the_command_fails_when_an_enabled_agent_is_not_available(db: None, programs: Programs) -> None:
    AgentProvider.objects.create(key="claude", enabled=True)
    with pytest.raises(CommandError, match="Enabled, but not available: claude"):
        call_command("check_providers", stdout=StringIO())


def act(action: str, *keys: str) -> str:
    """Does an action of the console to these agents; gives the page that follows."""
    browser, path = Client(), reverse("admin:settings_params_agentprovider_changelist")
    browser.force_login(User.objects.create_superuser("console@example.com", "a-password-of-an-operator"))
    rows = AgentProvider.objects.filter(key__in=keys).values_list("pk", flat=True)
    answer = browser.post(path, {"action": action, "_selected_action": list(rows)}, follow=True)
    return answer.content.decode()


def test_the_console_lists_agents_with_what_is_missing(api: APIClient, programs: Programs) -> None:
    api.get(PATH)
    assert "Install opencode: bin/manage install_agent opencode" in act("disable")


def test_the_console_switches_agents_as_the_api_does(api: APIClient) -> None:
    api.get(PATH)
    act("disable", "script")
    assert shown(api, "script")["enabled"] is False
    assert AuditEntry.objects.get(action="provider_changed").detail == {"provider": "script", "enabled": False}


def test_the_console_refuses_to_enable_what_is_not_available(api: APIClient, programs: Programs) -> None:
    api.get(PATH)
    assert "Install Claude Code: bin/manage install_agent claude." in act("enable", "claude")
    assert not AgentProvider.objects.get(key="claude").enabled
