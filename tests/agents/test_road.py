"""What each real agent must do beside: be refused, be cancelled, be paused, be told more, come to its budget's end."""

import psutil
import pytest

from tests.agents.scripts import script, waiting
from tests.agents.served import BUDGET_TOKENS, Served
from tests.serving import wait_until

pytestmark = pytest.mark.agents
STILL = (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)


def test_when_all_is_refused_the_tree_stays_clean(real: Served) -> None:
    run = real.start(script("@@write refused.txt|no"), safe_mode=True)
    refused = run.reject_all()
    run.post("messages", text=script("@@sh touch refused-too.txt"))
    assert (0 < refused < run.reject_all(), run.get()["status"]) == (True, "completed"), run.get()["error"]
    assert {row["status"] for row in run.rows("permissions")} == {"rejected"}
    assert (run.rows("files"), run.diff()) == ([], "")


def test_a_cancel_ends_it(real: Served) -> None:
    run = real.start(script("@@write before.txt|kept", waiting("cancel")))
    real.file("cancel-begun")
    run.post("cancel")
    wait_until(lambda: not real.agents())
    done = run.wait_for("cancelled")
    assert done["error"] is None
    wait_until(lambda: {"before.txt", "cancel-begun"} <= {row["path"] for row in run.rows("files")})
    wait_until(lambda: "running" not in [row["status"] for row in run.rows("commands")])


def test_a_pause_holds_it_still_and_it_goes_on(real: Served) -> None:
    run = real.start(script(waiting("pause")))
    begun = real.file("pause-begun")
    run.post("pause")
    wait_until(lambda: is_still(real))
    before = run.event_types()
    begun.with_name("pause-go").touch()
    run.post("resume")
    done = run.end()
    assert done["status"] == "completed", done["error"]
    after = run.event_types()
    assert after[: len(before)] == before
    assert [kind for kind in after if kind.startswith("run_")] == [
        *("run_created", "run_queued", "run_started", "run_paused", "run_resumed", "run_completed")
    ]


def test_a_long_pause_gives_the_process_up_and_keeps_the_session(real: Served) -> None:
    real.set_param("runs.pause_detach_after_minutes", 0)
    try:
        run = real.start(script("@@sh echo seen-$((40 + 2))", waiting("detach")))
        begun = real.file("detach-begun")
        run.post("pause")
        wait_until(lambda: not real.agents())
        assert run.get()["status"] == "paused"
    finally:
        real.set_param("runs.pause_detach_after_minutes", None)
    before, asked_before = run.events(), len(real.model.requests)
    begun.with_name("detach-go").touch()
    run.post("resume")
    done = run.end()
    assert (done["status"], done["attempt"]) == ("completed", 1), done["error"]
    assert run.events()[: len(before)] == before
    assert real.remembers("seen-42", asked_before)


def test_follow_ups_wait_and_continue_a_completed_run(real: Served) -> None:
    run = real.start(script("@@write first.txt|1", waiting("busy")))
    begun = real.file("busy-begun")
    run.post("messages", text=script("@@write second.txt|2"))
    assert "user_message" in run.event_types()
    begun.with_name("busy-go").touch()
    assert run.end()["status"] == "completed"
    before, asked_before = run.events(), len(real.model.requests)

    run.post("messages", text=script("@@write third.txt|3"))
    done = run.end()
    assert done["status"] == "completed", done["error"]
    assert {"first.txt", "second.txt", "third.txt"} <= {row["path"] for row in run.rows("files")}
    assert real.remembers("second.txt", asked_before)
    after = run.events()
    assert after[: len(before)] == before
    told = [
        event for event in after[len(before) :] if event["eventType"] != "log"
    ]  # a log may hold the session's title
    assert "busy-begun" not in str(told), "what was told again was recorded again"


def test_at_its_budget_it_asks_and_goes_on_with_more(real: Served) -> None:
    """Three calls use the budget up, of which two use 80 percent: before the fourth the run asks. Which calls these are
    is the agent's: some have their session named by the same prompt."""
    asked_before = len(real.model.requests)
    steps = [f"@@sh echo step-{number}" for number in (1, 2, 3)]
    run = real.start(script(f"@@usage {BUDGET_TOKENS * 2 // 5} 100", *steps))
    question = run.question()
    assert (question["kind"], run.get()["status"]) == ("budget", "paused")
    assert "runs.token_budget" in question["title"]
    assert len(real.spending_since(asked_before)) == 3
    notices = [event["data"] for event in run.events() if event["eventType"] == "log" and "budget" in event["data"]]
    assert [(data["budget"], data["limit"]) for data in notices] == [("tokens", float(BUDGET_TOKENS))]
    run.post(f"permissions/{question['id']}", decision="allow_once")
    done = run.end()
    assert done["status"] == "completed", done["error"]
    assert len(real.spending_since(asked_before)) > 3


def is_still(real: Served) -> bool:
    """Whether the agent is there, and none of its processes moves."""
    found = real.agents()
    try:
        return bool(found) and all(process.status() in STILL for process in found)
    except psutil.NoSuchProcess:
        return False
