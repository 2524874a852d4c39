"""An agent is taken up again: by its own session where it can open it, else by a recap of the run's log."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from rest_framework.test import APIClient

from runs.execution.recap import MAX_CHARACTERS
from runs.models import Run
from runs.workers.recovery import requeue_ownerless_runs
from tests.conftest import work_tree, working
from tests.runs.conftest import QueueHostile, cut_short, finish
from tests.serving import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited")]

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# Notes down what it is asked, in its home, and does for each prompt what `act` does.
AGENT = """
told = os.path.expanduser("~/told.jsonl")
def note(what):
    with open(told, "a") as file:
        file.write(json.dumps(what) + "\\n")

def tool(status):
    update({"sessionUpdate": "tool_call", "toolCallId": "w", "title": "Write one.txt", "kind": "edit",
            "status": status})

def replay():
    update({"sessionUpdate": "user_message_chunk", "content": {"type": "text", "text": "Hello."}})
    say("I wrote one."); tool("completed")
    update({"sessionUpdate": "own_history"})

def act(prompt_id, prompt):
    if "Hello." in prompt and not os.path.exists("one.txt"):
        open("one.txt", "w").write("1\\n"); tool("completed"); say("I wrote one.")
    else:
        say("Yes.")
    end(prompt_id)

loads, load = True, lambda request: (replay(), write({"id": request["id"], "result": {}}), replay(), flush())
"""
LOOP = """
request = read()
write({"id": request["id"], "result": {"protocolVersion": 1, "agentCapabilities": {"loadSession": loads}}}); flush()
request = read(); note(request["method"])
if request["method"] == "session/load":
    load(request)
else:
    write({"id": request["id"], "result": {"sessionId": f"s{time.time_ns()}"}}); flush()
while True:
    request = read(); note(request["params"]["prompt"][0]["text"])
    act(request["id"], request["params"]["prompt"][0]["text"])
"""


def agent(variation: str = "") -> str:
    return f"{AGENT}{variation}{LOOP}"


def told(run: Run) -> list[str]:
    workspace = run.attempts.get().workspace
    assert workspace is not None
    lines = (workspace.agent_home_path / "told.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def follow_up(run: Run, api: APIClient, text: str = "And now?") -> Run:
    assert api.post(f"/api/runs/{run.pk}/messages", {"text": text}).status_code == 202
    return finish(run)


def events(run: Run, event_type: str) -> list[dict[str, Any]]:
    bodies = run.events.filter(event_type=event_type).order_by("id").values_list("body", flat=True)
    return [json.loads("{" + body) for body in bodies]


def said(run: Run) -> list[str]:
    return [event["message"] for event in events(run, "agent_message") if event["message"]]


def recaps(run: Run) -> list[str]:
    return [event["data"]["recap"] for event in events(run, "log") if "recap" in event["data"]]


@pytest.mark.once
def test_a_session_that_is_opened_again_is_told_the_message_alone(queue_hostile: QueueHostile, api: APIClient) -> None:
    run = follow_up(finish(queue_hostile(agent())), api)
    assert told(run) == ["session/new", "Hello.", "session/load", "And now?"]
    assert recaps(run) == []


@pytest.mark.once
def test_what_an_agent_shows_again_is_not_written_down_again(queue_hostile: QueueHostile, api: APIClient) -> None:
    """Neither before it says that the session is open, nor between that and the next prompt."""
    run = follow_up(finish(queue_hostile(agent())), api)
    assert said(run) == ["I wrote one.", "Yes."]
    assert [event["message"] for event in events(run, "user_message")] == ["And now?"]
    assert len(events(run, "tool_finished")) == 1
    assert not any("own_history" in event["message"] for event in events(run, "log"))


LOST = {
    "never opens former ones": ("loads = False\n", ""),
    "refuses": (
        "load = lambda r: (write({'id': r['id'], 'error': {'code': -32602, 'message': 'No such session'}}), flush())\n",
        "No such session",
    ),
    "dies": ("load = lambda request: os._exit(3)\n", "process ended"),
    "hangs": ("load = lambda request: time.sleep(1000)\n", "did not answer the request to load its session within 3"),
}


@pytest.mark.parametrize("how", LOST)
@pytest.mark.once
def test_an_agent_without_its_session_is_told_what_has_happened(
    queue_hostile: QueueHostile, api: APIClient, how: str
) -> None:
    variation, reason = LOST[how]
    run = follow_up(finish(queue_hostile(agent(variation), agent={"startSeconds": 3})), api)
    *_, begun, prompt = told(run)
    assert begun == "session/new"
    (recap,) = recaps(run)
    assert prompt == f"{recap}And now?"
    for part in (
        "    > Hello.",
        "    > You said: I wrote one.",
        "    > You did: Write one.txt",
        "    > created one.txt (+1 -0)",
    ):
        assert f"\n{part}\n" in recap
    assert "And now?" not in recap
    warnings = [event["message"] for event in events(run, "log") if event["severity"] == "warning"]
    assert [reason in warning for warning in warnings] == [True] * bool(reason)


@pytest.mark.once
def test_the_next_message_needs_no_recap_any_more(queue_hostile: QueueHostile, api: APIClient) -> None:
    once = """
def load(request):
    if len(open(told).readlines()) < 4: os._exit(3)
    write({"id": request["id"], "result": {}}); flush()
"""
    run = follow_up(finish(queue_hostile(agent(once))), api)
    follow_up(run, api, "And then?")
    assert told(run)[-2:] == ["session/load", "And then?"]
    assert len(recaps(run)) == 1


@pytest.mark.once
def test_a_recap_is_bounded_and_keeps_the_latest(queue_hostile: QueueHostile, api: APIClient) -> None:
    talk = """
def act(prompt_id, prompt):
    for n in range(300):
        say(f"Thing {n}. " + "x" * 3000); tool("completed")
    end(prompt_id)
loads = False
"""
    run = follow_up(finish(queue_hostile(agent(talk), prompt="Hello. " + "y" * 100_000)), api)
    (recap,) = recaps(run)
    assert MAX_CHARACTERS / 2 < len(recap) <= MAX_CHARACTERS
    assert "Thing 299." in recap
    assert "Thing 0." not in recap
    assert "(what came before is left out)" in recap


CUT_SHORT = """
def act(prompt_id, prompt):
    open("one.txt", "a").write("1\\n")
    while not os.path.exists("go"): time.sleep(0.02)
    say("Done."); end(prompt_id)
"""


@pytest.mark.parametrize("variation", ["", "loads = False\n"])
@pytest.mark.once
def test_a_turn_that_was_cut_short_is_taken_up_again_as_such(queue_hostile: QueueHostile, variation: str) -> None:
    run = queue_hostile(agent(f"{CUT_SHORT}{variation}"))
    cut_short(run, "one.txt")
    finish(run)
    first, prompt, again, prompt_again = told(run)
    assert (first, prompt) == ("session/new", "Hello.")
    assert again == ("session/new" if variation else "session/load")
    assert prompt_again.endswith("\n\nHello.")
    assert "From the server that runs you" in prompt_again
    assert ("    > created one.txt (+1 -0)" in prompt_again) == bool(variation)


def test_of_two_workers_one_drives_a_run(queue_hostile: QueueHostile) -> None:
    """The first one was only slow: it finds that the run is another's, and ends its agent before that one begins."""
    run = queue_hostile(agent(CUT_SHORT))
    with working(run):
        wait_until(lambda: run.attempts.exists() and (work_tree(run) / "one.txt").exists())
        lapsed = Run.objects.filter(pk=run.pk)
        wait_until(lambda: lapsed.update(lease_expires_at=LONG_AGO) and requeue_ownerless_runs())
        with working(run):
            wait_until(lambda: len(told(run)) == 4)
            (work_tree(run) / "go").touch()
    run.refresh_from_db()
    assert (run.status, run.error, said(run)) == ("completed", None, ["Done."])
    assert (work_tree(run) / "one.txt").read_text() == "1\n1\n"
    assert (len(events(run, "run_started")), len(events(run, "run_completed"))) == (2, 1)
