"""Safe mode: what need not be asked, why a question was closed, and agents that do not go on after an answer."""

import json

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from runs.execution import questions
from runs.models import Run
from settings_params.commands import covering, plain_command
from tests.conftest import QueueRun, working
from tests.runs.conftest import QueueHostile
from tests.serving import wait_until

ALLOWLIST = "QUARTERDECK_PARAM_SAFETY_COMMAND_ALLOWLIST"
CALL = {"toolCallId": "t", "title": "make", "kind": "execute", "rawInput": {"command": "make test"}}


@pytest.mark.plumbing
@pytest.mark.parametrize("command", ["git status", "git status -s", " git status \n", "git   status", "make"])
@pytest.mark.once
def test_a_command_is_covered_by_its_first_words(command: str) -> None:
    assert covering(["git status", "make"], command) is not None


@pytest.mark.plumbing
@pytest.mark.parametrize(
    "command",
    [
        *("git stash", "git", "gitstatus", "make2", "X=1 make", "/bin/make", "", "sudo make", "make\nid", "make\tx"),
        *("make;id", "make & id", "make|id", "make $(id)", "make `id`", "make >f", "make <f", "make (x)", "make 'x'"),
        *("make *", "make ~", "make #", "make \\x", "make {a,b}", "make !x", "make\r", "make \x00", "make ö"),
    ],
)
@pytest.mark.once
def test_what_a_shell_would_make_more_of_is_covered_by_nothing(command: str) -> None:
    assert covering(["git status", "make", "X=1"], command) is None


@pytest.mark.plumbing
@pytest.mark.parametrize("entry", ["", "make; id", "make *", "X=1 make", " make", "a\nb", "$HOME/x"])
@pytest.mark.once
def test_the_list_takes_plain_words_only(entry: str) -> None:
    assert plain_command(entry) is not None


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_a_listed_command_runs_unasked_and_is_written_down(
    carry_out: QueueRun, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ALLOWLIST, '["echo"]')
    run = carry_out("```sh\necho hello\n```", safe_mode=True)
    [asked] = api.get(f"/api/runs/{run.pk}/permissions").json()["data"]
    assert (run.status, asked["status"], asked["decidedBy"]) == ("completed", "allowed", None)
    assert asked["reason"] == "On safety.command_allowlist: echo"
    assert run.events.get(event_type="permission_resolved").severity == "notice"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("prompt", ["```sh\necho hello; id\n```", "```file echo\nx\n```", "```ask\necho hello\n```"])
@pytest.mark.once
def test_all_else_asks(queue_run: QueueRun, api: APIClient, monkeypatch: pytest.MonkeyPatch, prompt: str) -> None:
    monkeypatch.setenv(ALLOWLIST, '["echo"]')
    run = queue_run(prompt, safe_mode=True)
    with working(run):
        wait_until(run.permissions.exists)
        [asked] = api.get(f"/api/runs/{run.pk}/permissions").json()["data"]
        api.post(f"/api/runs/{run.pk}/permissions/{asked['id']}", {"decision": "reject"})
    run.refresh_from_db()
    assert (asked["status"], run.status) == ("pending", "failed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_a_question_that_nobody_has_answered_says_so(queue_run: QueueRun, api: APIClient) -> None:
    run = queue_run("```ask\nMay I?\n```")
    with working(run):
        wait_until(lambda: run.permissions.update(expires_at=timezone.now()))
    [asked] = api.get(f"/api/runs/{run.pk}/permissions").json()["data"]
    assert (asked["status"], asked["reason"]) == ("expired", "Nobody answered in time: rejected.")
    assert "Nobody answered in time" in run.events.get(event_type="permission_resolved").body


def errors(run: Run) -> list[str]:
    found = run.events.filter(event_type="log", severity="error").values_list("body", flat=True)
    return [json.loads("{" + body)["message"] for body in found]


def answered(run: Run, api: APIClient) -> None:
    asked = wait_until(run.permissions.first)
    assert api.post(f"/api/runs/{run.pk}/permissions/{asked.pk}", {"decision": "allow_once"}).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_an_agent_that_does_not_go_on_after_an_answer_is_an_error_event(
    queue_hostile: QueueHostile, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "ACKNOWLEDGE_SECONDS", 0.5)
    run = queue_hostile(f"shake_hands(); ask({CALL}); time.sleep(1000)", safe_mode=True)
    with working(run):
        answered(run, api)
        said = wait_until(lambda: errors(run))
        api.post(f"/api/runs/{run.pk}/cancel")
    assert said == ["The agent has not gone on for 0.5 seconds after the answer to: make"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sign", ["say('on')", "import subprocess; subprocess.Popen(['sleep', '1000'])"])
@pytest.mark.once
def test_any_update_and_any_process_is_a_sign_that_it_goes_on(
    queue_hostile: QueueHostile, api: APIClient, monkeypatch: pytest.MonkeyPatch, sign: str
) -> None:
    monkeypatch.setattr(questions, "ACKNOWLEDGE_SECONDS", 0.5)
    run = queue_hostile(
        f"i = shake_hands(); ask({CALL}); read(); {sign}; flush(); time.sleep(1.5); end(i); read()", safe_mode=True
    )
    with working(run):
        answered(run, api)
    run.refresh_from_db()
    assert (run.status, errors(run)) == ("completed", [])


@pytest.mark.django_db(transaction=True)
@pytest.mark.once
def test_without_safe_mode_an_agent_that_asks_all_the_same_is_allowed_and_it_is_written_down(
    queue_hostile: QueueHostile, api: APIClient
) -> None:
    run = queue_hostile(f"i = shake_hands(); ask({CALL}); say(read()['result']['outcome']['optionId']); end(i); read()")
    with working(run):
        pass
    [asked] = api.get(f"/api/runs/{run.pk}/permissions").json()["data"]
    assert (asked["status"], asked["reason"], asked["command"]) == ("allowed", "Safe mode is off.", "make test")
    assert '"message":"yes"' in run.events.get(event_type="agent_message").body
