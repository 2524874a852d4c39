"""What each real agent must do on either database: write, run a command, ask before; and its end, or its worker's."""

import pytest

from runs.execution.model_server.server import Request
from tests.agents.scripts import script, waiting
from tests.agents.served import KEY, Served
from tests.serving import wait_until

pytestmark = pytest.mark.agents
COMMAND = "printf 'to-%s\\n' stdout; printf 'to-%s\\n' stderr >&2; (exit 3)"


def _tokens(calls: list[Request]) -> tuple[int, int]:
    """What the model said that these have read and written."""
    return sum(call.usage.input_tokens for call in calls), sum(call.usage.output_tokens for call in calls)


def test_it_asks_writes_and_runs_a_command(real: Served) -> None:
    asked_before = len(real.model.requests)
    run = real.start(script("@@write notes.txt|first line", f"@@sh {COMMAND}"), safe_mode=True)
    write, command = run.answer("allow_once"), run.answer("allow_once")
    done = run.end()
    assert done["status"] == "completed", done["error"]

    assert "notes.txt" in str([write["title"], write["paths"], write["command"]])
    assert "to-%s" in str([command["title"], command["command"]])
    assert [row["status"] for row in run.rows("permissions")] == ["allowed", "allowed"]

    assert [(row["path"], row["changeType"]) for row in run.rows("files")] == [("notes.txt", "created")]
    assert "+first line" in run.diff()

    ran = run.rows("commands")[-1]
    stdout, stderr = run.output(ran)
    assert ("to-%s" in ran["command"], ran["status"], ran["exitCode"]) == (True, "finished", 3)
    assert ("to-stdout" in stdout, "to-stderr" in stdout + stderr) == (True, True)

    calls = real.model.requests[asked_before:]
    # What it asks beside its work (a title: no tools) it may give up at its end; that is estimated, of any size.
    worked, beside = [call for call in calls if call.tools], [call for call in calls if not call.tools]
    (read, wrote), used = _tokens(worked), done["usage"]
    assert read <= used["inputTokens"]
    assert wrote <= used["outputTokens"] <= wrote + _tokens(beside)[1]
    if not beside:
        assert used["inputTokens"] == read
    assert {call.key for call in calls} == {KEY}

    events = run.events()
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert "agent_message" in {event["eventType"] for event in events}
    assert [event for event in events if event["severity"] == "error"] == []


def test_a_killed_agent_fails_its_run_and_a_retry_does_it(real: Served) -> None:
    run = real.start(script("@@write kept.txt|kept", waiting("kill")))
    real.file("kill-begun")
    real.kill_agent()
    failed = run.wait_for("failed")
    assert failed["error"]["code"] == "agent-failed", failed["error"]
    assert "process ended" in failed["error"]["message"]
    assert "kept.txt" in [row["path"] for row in run.rows("files")]

    real.file("kill-begun").unlink()
    run.post("retry")
    real.file("kill-begun").with_name("kill-go").touch()
    done = run.end()
    assert (done["status"], done["attempt"]) == ("completed", 2), done["error"]


def test_a_killed_worker_is_no_loss(real: Served) -> None:
    run = real.start(script("@@sh echo seen-$((40 + 2))", waiting("worker")))
    real.file("worker-begun")
    wait_until(lambda: "worker-begun" in str(run.rows("commands")))
    before, asked_before = run.events(), len(real.model.requests)
    real.kill_worker()
    real.file("worker-begun").with_name("worker-go").touch()
    done = run.end()
    assert done["status"] == "completed", done["error"]

    events = run.events()
    assert events[: len(before)] == before
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert run.event_types().count("run_recovered") == 1
    assert real.remembers("seen-42", asked_before)
