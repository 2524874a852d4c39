"""What an agent's model calls use is written down: rows, the attempt's sums, events."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from runs.execution.model_server.server import ModelServer
from runs.models import CommandExecution, ModelCall
from tests.conftest import QueueRun
from tests.runs.model_runs import KEY, asking

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited")]
PRICES = '["scripted=10/100/1"]'


def test_each_call_has_a_row_with_its_price(
    carry_out: QueueRun, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_PRICES", PRICES)
    run = carry_out(asking("2000 10", "1000 20"))
    assert (run.status, run.error) == ("completed", None)
    rows = ModelCall.objects.filter(run=run, attempt=1, vendor="openai", model="scripted", is_estimate=False)
    found = rows.order_by("id").values_list("input_tokens", "output_tokens", "cost_usd")
    assert list(found) == [(2000, 10, Decimal("0.021")), (1000, 20, Decimal("0.012"))]


def test_the_run_shows_what_it_has_used(
    api: APIClient, carry_out: QueueRun, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_PRICES", PRICES)
    run = carry_out(asking("2000 10", "1000 20"))
    usage = {"inputTokens": 3000, "outputTokens": 30, "cachedTokens": 0, "costUsd": 0.033}
    shown = api.get(f"/api/runs/{run.pk}").json()["usage"]
    events = api.get(f"/api/runs/{run.pk}/events?eventTypes=usage_updated").json()["data"]
    told = [event["data"] for event in events if "inputTokens" in event["data"]]  # the agent tells of its context too
    assert (shown, told[-1], len(told) <= 2) == (usage, usage, True)


def test_without_a_price_tokens_count_and_the_cost_is_not_known(carry_out: QueueRun, server: ModelServer) -> None:
    run = carry_out(asking("2000 10"))
    assert list(ModelCall.objects.filter(run=run).values_list("input_tokens", "cost_usd")) == [(2000, None)]


def test_the_model_server_gets_the_real_key_and_the_sandbox_never_does(
    carry_out: QueueRun, server: ModelServer
) -> None:
    places = '"$HOME" . /proc/[0-9]*/environ /proc/[0-9]*/cmdline /run /tmp /etc /proc/self/mountinfo'
    grep = f'grep -rlaFf "$HOME/wanted" {places} 2>/dev/null | grep -v wanted || :'
    search = f"""find_it() {{ printf %s "$1" > "$HOME/wanted"; {grep}; }}
find_it "$(printf sk-real; printf %s -key-of)"
echo token:
find_it \"$MODEL_TOKEN\""""
    run = carry_out(asking("1 1") + f"\n\n```sh\n{search}\n```")
    assert (run.status, run.error) == ("completed", None)
    asked, searched = (_stdout(command) for command in run.commands.order_by("id"))
    with_key, _, with_token = searched.partition("token:\n")
    keys = {request.key for request in server.requests}
    assert (asked, with_key, "/environ" in with_token, keys) == ("200 True\n", "", True, {KEY})


def _stdout(command: CommandExecution) -> str:
    with command.stdout.open() as file:
        return str(file.read().decode())


def test_the_socket_goes_with_the_sitting(carry_out: QueueRun, server: ModelServer) -> None:
    carry_out(asking("1 1"))
    assert list((Path(settings.HOME) / "sockets").iterdir()) == []


def test_a_long_path_of_the_home_is_no_hindrance(
    carry_out: QueueRun, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runs.execution.model_access.MOST_PATH_BYTES", 5)
    assert carry_out(asking("1 1")).status == "completed"


def test_an_agent_without_a_key_for_its_model_fails_with_what_is_missing(
    carry_out: QueueRun, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BASE_URL", "API_KEY"):
        monkeypatch.delenv(f"QUARTERDECK_PARAM_PROVIDERS_OPENAI_{name}")
    run = carry_out(asking("1 1"))
    assert run.error is not None
    assert (run.error["code"], "providers.openai.api_key" in run.error["message"]) == ("model-not-configured", True)


def test_a_log_of_the_run_holds_neither_key_nor_token(api: APIClient, carry_out: QueueRun, server: ModelServer) -> None:
    run = carry_out(asking("1 1"))
    assert KEY not in json.dumps(api.get(f"/api/runs/{run.pk}/events").json())
