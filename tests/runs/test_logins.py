"""An agent's own login, in place of a key: lent to a run, taken away after it, told by nothing."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from projects.models import Project
from runs.execution.agents.registry import PROFILES
from runs.execution.executor import execute
from runs.models import Run
from settings_params.models import AgentProvider
from settings_params.providers import PROVIDERS, Login
from settings_params.queries import secret_values
from settings_params.services.params import change_params
from tests.conftest import QueueRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited"), pytest.mark.once]
ACCESS, REFRESH = "sk-ant-oat01-an-access-token-of-anna", "sk-ant-ort01-a-refresh-token-of-anna"
FILE = {"claudeAiOauth": {"accessToken": ACCESS, "refreshToken": REFRESH, "expiresAt": 1, "subscriptionType": "max"}}
WHERE = ".claude/.credentials.json"
LOOK = f'stat -c "%a" "$HOME/{WHERE}"; wc -c < "$HOME/{WHERE}"; cat "$HOME/{WHERE}"; cp "$HOME/{WHERE}" stolen.json'
Home = Callable[[Run], Path]


@pytest.fixture(autouse=True)
def _agent(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Claude that is the script agent, and looks for a login where Claude does."""
    profile = replace(PROFILES["script"], key="claude", login_file=PROFILES["claude"].login_file)
    monkeypatch.setattr("runs.execution.profiles.PROFILES", {"claude": profile})
    AgentProvider.objects.create(key="claude", enabled=True)


def log_in(**more: Any) -> None:
    changes = {"providers.claude.access": "login", "providers.claude.login": json.dumps(FILE, indent=2)}
    change_params({**changes, **more}, actor=None, is_remote=False)


def home(run: Run) -> Path:
    attempt = run.attempts.get()
    assert attempt.workspace is not None
    return attempt.workspace.agent_home_path


def output(run: Run) -> str:
    with run.commands.get().stdout.open() as file:
        return str(file.read().decode())


def events(api: APIClient, run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get(f"/api/runs/{run.pk}/events?limit=200").json()["data"]
    return rows


def test_it_is_in_the_runs_home_for_the_agent_alone_and_gone_after_it(carry_out: QueueRun) -> None:
    log_in()
    run = carry_out(f"```sh\n{LOOK}\n```", selected_agent="claude")

    assert (run.status, run.error) == ("completed", None)
    assert output(run).splitlines()[:2] == ["600", str(len(json.dumps(FILE, separators=(",", ":"))))]
    assert not (home(run) / WHERE).exists()


def test_it_is_gone_after_a_run_that_fails_too(carry_out: QueueRun) -> None:
    log_in()
    run = carry_out("```sh\nexit 3\n```", selected_agent="claude")

    assert (run.status, (home(run) / WHERE).exists()) == ("failed", False)


def test_what_a_killed_worker_left_is_gone_when_the_run_fails(api: APIClient, carry_out: QueueRun) -> None:
    """Planted by hand, in the home of a run that its next worker has to fail before it lends anything."""
    log_in()
    run = carry_out("Hello.", selected_agent="claude")
    (home(run) / WHERE).write_text(json.dumps(FILE))
    log_in(**{"runs.token_budget": 1})
    assert api.post(f"/api/runs/{run.pk}/messages", {"text": "Go on."}).status_code == 202
    execute(run.pk)
    run.refresh_from_db()

    assert run.error is not None
    assert (run.error["code"], (home(run) / WHERE).exists()) == ("budget-not-kept", False)


def test_neither_output_nor_event_nor_diff_tells_it(api: APIClient, carry_out: QueueRun) -> None:
    log_in()
    run = carry_out(f"```sh\n{LOOK}\n```\n\n```sh\nbase64 -w0 stolen.json\n```", selected_agent="claude")

    shown = json.dumps(events(api, run)) + json.dumps(api.get(f"/api/runs/{run.pk}/diff").json())
    for command in run.commands.all():
        with command.stdout.open() as file:
            shown += file.read().decode()
    assert (ACCESS in shown, REFRESH in shown) == (False, False)
    assert shown.count("[redacted: providers.claude.login (accessToken)]") >= 3  # the output, its event, the diff


def test_the_log_says_what_it_costs(api: APIClient, carry_out: QueueRun) -> None:
    log_in()
    run = carry_out("Hello.", selected_agent="claude")

    told = [row for row in events(api, run) if "a login of its own" in row["message"]]
    assert [(row["eventType"], row["severity"]) for row in told] == [("log", "warning")]
    assert re.search("inside of the sandbox.*not copied back.*not counted.*no budget", told[0]["message"])


def test_the_agent_reaches_the_vendors_hosts_alone_and_setup_commands_do_not(
    api: APIClient, cloned: Project, carry_out: QueueRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loopback stands for the vendor: what the list lets through is then refused as private, and by that param."""
    login = Login(WHERE, ("127.0.0.2:443",))
    monkeypatch.setitem(PROVIDERS, "claude", replace(PROVIDERS["claude"], login=login))
    log_in()
    api.put(f"/api/projects/{cloned.pk}", {"setupCommands": ['test -z "$HTTPS_PROXY"']})
    ask = "python3 -c \"import urllib.request as u; u.urlopen('http://%s:443/')\" 2>&1 | tail -n 1"
    prompt = "\n\n".join(f"```sh\n{ask % host}\n```" for host in ("127.0.0.2", "127.0.0.3"))
    run = carry_out(prompt, selected_agent="claude")

    assert (run.status, run.error) == ("completed", None)
    told = {row["data"]["host"]: row["data"]["param"] for row in events(api, run) if "host" in row["data"]}
    assert told == {"127.0.0.2": "safety.allow_private_hosts", "127.0.0.3": "safety.network_allowlist"}


def test_without_a_login_the_run_says_what_to_set(carry_out: QueueRun) -> None:
    change_params({"providers.claude.access": "login"}, actor=None, is_remote=False)
    run = carry_out("Hello.", selected_agent="claude")

    assert run.error is not None
    assert run.error["code"] == "model-not-configured"
    assert "providers.claude.login" in run.error["message"]


def test_a_budget_that_nobody_could_keep_is_refused(carry_out: QueueRun) -> None:
    log_in(**{"runs.token_budget": 1000})
    run = carry_out("Hello.", selected_agent="claude")

    assert run.error is not None
    assert (run.error["code"], "runs.token_budget is set" in run.error["message"]) == ("budget-not-kept", True)


def test_a_login_that_is_not_chosen_is_not_lent(carry_out: QueueRun) -> None:
    log_in(**{"providers.claude.access": "gateway", "providers.anthropic.base_url": "http://127.0.0.1:1"})
    run = carry_out(f'```sh\ntest ! -e "$HOME/{WHERE}"\n```', selected_agent="claude")

    assert (run.status, run.error) == ("completed", None)


def test_the_providers_say_which_way_it_goes_and_what_is_missing(api: APIClient) -> None:
    def row() -> dict[str, Any]:
        rows = api.get("/api/settings/providers").json()["data"]
        return next(dict(row) for row in rows if row["key"] == "claude")

    before = row()
    change_params({"providers.claude.access": "login"}, actor=None, is_remote=False)
    chosen = row()
    log_in()
    assert (before["access"], chosen["access"]) == ("gateway", "login")
    assert "providers.anthropic.api_key" in " ".join(before["missing"])
    assert "Set providers.claude.login" in " ".join(chosen["missing"])
    assert "providers" not in " ".join(row()["missing"])


def test_it_is_set_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "login").write_text(json.dumps(FILE, indent=2))
    with (tmp_path / "login").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        call_command("params", "set", "providers.claude.login")

    names = {name: value for name, value in secret_values().items() if name.startswith("providers.claude.login")}
    assert names == {
        "providers.claude.login (accessToken)": ACCESS,
        "providers.claude.login (refreshToken)": REFRESH,
    }
