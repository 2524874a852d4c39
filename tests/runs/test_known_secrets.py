"""What the server knows to be secret is in nothing that it stores of a run, nor shows of one, nor pushes."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from rest_framework.test import APIClient

from projects.models import Project
from projects.services.credentials import NewCredential, store_credential
from projects.workspaces import open_repository
from runs import known_secrets
from runs.events import Draft, append
from runs.models import Run
from runs.services.lifecycle import fail_run
from runs.services.publishing import carry_out_push
from tests.conftest import QueueRun, git

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "sk-ant-api03-Zk3Lr8Qw1Xy7"
NAME = "[redacted: providers.anthropic.api_key]"
TOKEN = "glpat-x9Y8z7W6v5U4t3S2"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_ANTHROPIC_API_KEY", KEY)


def bodies(run: Run) -> str:
    return "\n".join(run.events.order_by("id").values_list("body", flat=True))


def stored_texts() -> dict[str, str]:
    """All that the tables of runs hold, but for what people wrote themselves: a run's prompt."""
    found = {}
    for model in apps.get_app_config("runs").get_models():
        for row in model._base_manager.values():
            row.pop("prompt", None)
            found[f"{model.__name__} {row['id']}"] = json.dumps(row, default=str)
    return found


def is_on_disk(value: str) -> bool:
    outputs = Path(settings.MEDIA_ROOT)
    return any(value.encode() in path.read_bytes() for path in outputs.rglob("*") if path.is_file())


def test_nothing_stored_of_a_run_holds_a_secret_that_its_agent_has_used(carry_out: QueueRun) -> None:
    encoded = base64.b64encode(f"x:{KEY}".encode()).decode()
    run = carry_out(
        f"I say {KEY} aloud.\n\n```plan\nuse {KEY}\n```\n```sh\necho {KEY}; echo {KEY} >&2\n```\n"
        f"```file {KEY}.txt\n{KEY}\n```\n```sh\necho {encoded}\n```"
    )
    assert run.status == "completed"
    a_file_keeps_its_name = [f"WorkspaceFile {run.attempts.get().files.get().pk}"]
    assert [place for place, text in stored_texts().items() if KEY in text] == a_file_keeps_its_name
    assert not any(encoded in text for text in stored_texts().values())
    assert (is_on_disk(NAME), is_on_disk(KEY), is_on_disk(encoded)) == (True, False, False)
    assert {command.stdout_truncated for command in run.commands.all()} == {False}


@pytest.mark.once
def test_an_output_that_comes_in_parts_is_redacted_in_events_and_in_what_is_kept(carry_out: QueueRun) -> None:
    run = carry_out(f"```sh\nprintf '<%s' {KEY[:9]}; sleep 0.6; printf '%s>' {KEY[9:]}\n```")
    events = run.events.filter(event_type="command_output").order_by("id").values_list("body", flat=True)
    assert "".join(json.loads("{" + body)["data"]["text"] for body in events) == f"<{NAME}>"
    command = run.commands.get()
    with command.stdout.open() as file:
        assert file.read().decode() == f"<{NAME}>"
    assert command.stdout_bytes == len(f"<{NAME}>")


def test_the_reason_of_a_failure_is_redacted(run: Run) -> None:
    Run.objects.update(status="running")
    fail_run(run, "agent-failed", f"The key {KEY} is bad.")
    assert run.error == {"code": "agent-failed", "message": f"The key {NAME} is bad."}


def test_a_question_is_redacted(queue_run: QueueRun, api: APIClient) -> None:
    from tests.conftest import working
    from tests.serving import wait_until

    run = queue_run(f"```sh\necho {KEY}\n```", safe_mode=True)
    with working(run):
        wait_until(run.permissions.exists)
        [asked] = api.get(f"/api/runs/{run.pk}/permissions").json()["data"]
        api.post(f"/api/runs/{run.pk}/permissions/{asked['id']}", {"decision": "reject"})
    assert asked["command"].strip() == f"echo {NAME}"
    assert KEY not in json.dumps(asked)


@pytest.mark.once
def test_a_diff_for_display_is_redacted_and_says_that_it_is_not_exact(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out(f"```file a.txt\n{KEY}\n```")
    file = run.attempts.get().files.get()
    for path in (f"/api/runs/{run.pk}/diff", f"/api/runs/{run.pk}/files/{file.pk}"):
        shown = api.get(path).json()
        assert (f"+{NAME}\n" in shown["diff"], KEY in shown["diff"], shown["lossy"]) == (True, False, True)


@pytest.mark.once
def test_a_diff_to_be_applied_is_what_the_tree_is(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out(f"```file a.txt\n{KEY}\n```")
    answer = api.get(f"/api/runs/{run.pk}/diff", headers={"Accept": "text/x-diff"})
    assert KEY.encode() in answer.getvalue()


@pytest.mark.once
def test_a_comparison_of_snapshots_is_redacted(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out(f"```file a.txt\n{KEY}\n```")
    before = api.get(f"/api/runs/{run.pk}/snapshots").json()["data"][-1]
    shown = api.post(f"/api/snapshots/{before['id']}/compare", {"against": "current"}).json()
    assert (f"+{NAME}\n" in shown["diff"], KEY in shown["diff"], shown["lossy"]) == (True, False, True)


@pytest.fixture
def committed(carry_out: QueueRun, api: APIClient, allow_local: None) -> Run:
    run = carry_out(f"```file conf.py\n# settings\nKEY = '{KEY}'\n```")
    api.post(f"/api/runs/{run.pk}/approve", {"commit": True})
    return run


@pytest.mark.once
def test_a_secret_in_a_title_is_in_no_branch_and_no_commit(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out("```file a.txt\nA.\n```", title=f"Try {KEY}")
    assert api.post(f"/api/runs/{run.pk}/approve", {"commit": True}).status_code == 200
    attempt = run.attempts.get()
    assert KEY.lower() not in attempt.branch.lower()
    assert attempt.branch.startswith(f"quarterdeck/run-{run.pk}-1-try-redacted")
    said = open_repository(run.project).run(("log", "-1", "--format=%B", attempt.branch))
    assert said.decode().startswith(f"Try {NAME}\n")


@pytest.mark.once
def test_a_push_with_a_known_secret_is_refused_whatever_is_acknowledged(committed: Run, api: APIClient) -> None:
    found = api.get(f"/api/runs/{committed.pk}/push-preview").json()["secrets"]
    body = {"acknowledgeSecrets": [each["fingerprint"] for each in found]}
    answer = api.post(f"/api/runs/{committed.pk}/push", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "secrets-found")
    [secret] = answer.json()["secrets"]
    assert (secret["path"], secret["line"]) == ("conf.py", 2)
    assert secret["rule"] == "known secret: providers.anthropic.api_key"
    assert KEY not in answer.content.decode()


def test_a_secret_that_has_become_known_since_the_push_was_queued_stops_it(
    committed: Run, api: APIClient, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_ANTHROPIC_API_KEY", "another-key-entirely")
    found = api.get(f"/api/runs/{committed.pk}/push-preview").json()["secrets"]
    body = {"acknowledgeSecrets": [each["fingerprint"] for each in found]}
    assert api.post(f"/api/runs/{committed.pk}/push", body).status_code == 202
    monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_ANTHROPIC_API_KEY", KEY)
    attempt = committed.attempts.get()
    carry_out_push(attempt.pk)
    attempt.refresh_from_db()
    error = attempt.push_error or {}
    assert (attempt.push_status, error["code"]) == ("failed", "secrets-found")
    assert "conf.py, line 2" in error["message"]
    assert attempt.branch not in git("branch", "--list", cwd=remote)


def told(run: Run, message: str) -> Any:
    append(run, [Draft("log", message)])
    return json.loads("{" + run.events.latest("id").body)["message"]


def test_the_projects_own_credential_is_known_at_once(run: Run, project: Project) -> None:
    store_credential(project, NewCredential("https_token", "x", "f", TOKEN))
    assert told(run, f"https://x:{TOKEN}@host") == "https://x:[redacted: the project's credential]@host"


def test_the_servers_own_keys_are_known(run: Run) -> None:
    assert told(run, settings.SECRET_KEY) == "[redacted: QUARTERDECK_SECRET_KEY]"


def test_what_is_lent_to_a_run_is_known_for_that_run_while_it_lasts(run: Run) -> None:
    with known_secrets.lent(run.pk, {"token": TOKEN}):
        assert told(run, TOKEN) == "[redacted: token]"
    assert told(run, TOKEN) == TOKEN


def test_a_secret_across_the_cut_of_a_long_message_leaves_no_half(run: Run) -> None:
    assert KEY[:8] not in told(run, "x" * 15_990 + KEY)
