"""What a run's agent is shown of the code index with a follow-up message, and what the run's log says of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.index_models import ProjectIndex
from projects.models import Project
from projects.services.index_queue import queue_index
from projects.services.lifecycle import request_pull
from projects.services.pulling import pull_project
from runs.models import Run
from settings_params.services.params import change_params
from tests.projects.indexed import CODE, index_all, push_files
from tests.runs.conftest import QueueHostile, cut_short, finish

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited")]
ORDERS, REFUNDS = "shop/orders.py", "shop/refunds.py"
REFUND_CODE = '"""Money goes back."""\n\n\ndef pay_back(amount):\n    return "refund of %s" % amount\n'
PROMPT = "Cancel an order twice: it must say so."
MESSAGE = "Now the refund: pay_back of a negative amount."
# Notes down what it is told, in its home, and does for each prompt what `act` does.
AGENT = """
told = os.path.expanduser("~/told.jsonl")
def act(prompt): pass
loads = True
"""
LOOP = """
request = read()
write({"id": request["id"], "result": {"protocolVersion": 1, "agentCapabilities": {"loadSession": loads}}}); flush()
request = read()
is_new = request["method"] == "session/new"
write({"id": request["id"], "result": {"sessionId": f"s{time.time_ns()}"} if is_new else {}}); flush()
while True:
    request = read()
    text = "".join(block["text"] for block in request["params"]["prompt"] if block["type"] == "text")
    open(told, "a").write(json.dumps(text) + "\\n")
    act(text)
    end(request["id"])
"""
Ask = Callable[..., Run]


@pytest.fixture
def indexed(remote: Path, cloned: Project) -> Project:
    """A project with an index of orders and refunds."""
    push_files(remote, {**CODE, REFUNDS: REFUND_CODE})
    request_pull(cloned, actor=cloned.memberships.get().user)
    pull_project(cloned.pk)
    queue_index(cloned.pk, ProjectIndex.Work.UPDATE)
    index_all()
    cloned.refresh_from_db()
    return cloned


@pytest.fixture
def queue(queue_hostile: QueueHostile, indexed: Project) -> Ask:
    """Queues a run of the agent, which varies."""

    def make(variation: str = "", **fields: Any) -> Run:
        return queue_hostile(f"{AGENT}{variation}{LOOP}", prompt=PROMPT, **fields)

    return make


@pytest.fixture
def follow_up(api: APIClient) -> Ask:
    """Sends a message to a run that is over, and carries it out."""

    def send(run: Run, text: str = MESSAGE) -> Run:
        assert api.post(f"/api/runs/{run.pk}/messages", {"text": text}).status_code == 202
        return finish(run)

    return send


def told(run: Run) -> list[str]:
    workspace = run.attempts.get().workspace
    assert workspace is not None
    return [json.loads(line) for line in (workspace.agent_home_path / "told.jsonl").read_text().splitlines()]


def shown(run: Run) -> list[dict[str, Any]]:
    """What the log says that was shown, oldest first."""
    bodies = run.events.filter(event_type="context_retrieved").order_by("id").values_list("body", flat=True)
    return [json.loads("{" + body)["data"] for body in bodies]


def paths(data: dict[str, Any]) -> list[str]:
    return [file["path"] for file in data["files"]]


def test_a_message_is_followed_by_what_is_found_for_it(queue: Ask, follow_up: Ask) -> None:
    run = follow_up(finish(queue()))
    text = told(run)[1]
    assert text.startswith(f"{MESSAGE}\n\n[From the server that runs you] ")
    assert f"==> {REFUNDS}:1-5" in text
    assert 'return "refund of %s" % amount' in text
    assert "index for this message" in text


def test_the_log_tells_what_was_shown_with_which_message(queue: Ask, follow_up: Ask) -> None:
    run = follow_up(finish(queue()))
    with_prompt, with_message = shown(run)
    assert (with_prompt["messageId"], with_message["messageId"]) == (None, run.messages.get().pk)
    assert (paths(with_message), with_message["commit"]) == ([REFUNDS], run.attempts.get().base_commit)
    assert 0 < with_message["tokens"] <= with_message["tokenBudget"] == 6000


def test_a_message_to_a_run_that_goes_on_is_followed_by_it_too(queue: Ask) -> None:
    run = queue()
    run.messages.create(attempt=1, text=MESSAGE)
    finish(run)
    assert [f"==> {REFUNDS}" in text for text in told(run)] == [False, True]
    assert len(shown(run)) == 2


def test_what_was_shown_before_is_not_shown_again(queue: Ask, follow_up: Ask) -> None:
    run = follow_up(finish(queue()), "The refund of an order that cancel_order has cancelled.")
    assert ORDERS in paths(shown(run)[0])
    assert paths(shown(run)[1]) == [REFUNDS]
    assert f"==> {ORDERS}" not in told(run)[1]
    again = follow_up(run, "The refund of an order that cancel_order has cancelled.")
    assert len(shown(again)) == 2
    assert told(again)[2] == "The refund of an order that cancel_order has cancelled."


def test_a_file_that_the_agent_has_changed_is_not_shown_as_it_was(queue: Ask, follow_up: Ask) -> None:
    run = follow_up(finish(queue(f'def act(prompt): open("{REFUNDS}", "a").write("# mine\\n")\n')))
    assert run.attempts.get().files.get().path == REFUNDS
    assert (told(run)[1], len(shown(run))) == (MESSAGE, 1)


@pytest.mark.parametrize("text", ["thanks", "Go on, please.", "Yes, do it!"])
@pytest.mark.once
def test_a_message_that_says_little_is_given_as_it_is(queue: Ask, follow_up: Ask, text: str) -> None:
    run = follow_up(finish(queue()), text)
    assert (told(run)[1], len(shown(run))) == (text, 1)


@pytest.mark.once
def test_without_it_and_with_a_budget_of_nothing_a_message_is_given_as_it_is(queue: Ask, follow_up: Ask) -> None:
    run = follow_up(finish(queue(rag_enabled=False)))
    assert (told(run), shown(run)) == ([PROMPT, MESSAGE], [])
    other = finish(queue())
    change_params({"rag.token_budget": 0}, actor=None, is_remote=False)
    assert told(follow_up(other))[1] == MESSAGE


@pytest.mark.once
def test_a_small_budget_is_kept_with_a_message(queue: Ask, follow_up: Ask) -> None:
    change_params({"rag.token_budget": 210}, actor=None, is_remote=False)
    run = follow_up(finish(queue()))
    assert all(data["tokens"] <= 210 for data in shown(run))
    assert (told(run)[1] != MESSAGE) == any(data["messageId"] for data in shown(run))


WAITS = f"""
def act(prompt):
    if "{MESSAGE}" in prompt:
        open("at-it", "w").close()
        while not os.path.exists("go"): time.sleep(0.02)
"""


def taken_up_again(run: Run) -> Run:
    """Ended while its agent was at the message, and taken up again."""
    run.messages.create(attempt=1, text=MESSAGE)
    cut_short(run, "at-it")
    return finish(run)


def test_a_message_that_is_taken_up_again_is_not_followed_by_it_twice(queue: Ask) -> None:
    run = taken_up_again(queue(WAITS))
    assert [f"==> {REFUNDS}" in text for text in told(run)] == [False, True, False]
    assert told(run)[2].endswith(MESSAGE)
    assert [data["messageId"] for data in shown(run)] == [None, run.messages.get().pk]


def test_an_agent_that_has_forgotten_it_is_shown_it_again(queue: Ask, follow_up: Ask) -> None:
    run = taken_up_again(queue(f"{WAITS}loads = False\n"))
    assert [f"==> {REFUNDS}" in text for text in told(run)] == [False, True, True]
    follow_up(run, "What of cancel_order, as the prompt had it?")
    assert f"==> {ORDERS}" in told(run)[3]
