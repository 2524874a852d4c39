"""Agents that flood, hang, ignore, fork, lie and die, through whole runs: each ends, for the reason that it had."""

import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from projects.workspaces import open_work_tree
from runs.models import Run
from tests.conftest import working
from tests.processes import status
from tests.runs.conftest import QueueHostile
from tests.serving import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("unlimited", "nothing_left")]
STUBBORN = "import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
MODES = {"currentModeId": "x", "availableModes": [{"id": "x", "name": "X"}, {"id": "ask", "name": "Ask"}]}
CALL = {"toolCallId": "t", "title": "make", "kind": "execute", "rawInput": {"command": "make test"}}


def processes(tmp_path: Path) -> list[psutil.Process]:
    """All of the machine that have the hostile agent's script in their command line: it, its forks, their sandbox."""
    script, all_there = str(tmp_path / "hostile/agent.py"), psutil.process_iter(["cmdline", "name", "status"])
    mine = [each for each in all_there if script in (each.info["cmdline"] or [])]
    return [each for each in mine if each.info["status"] != psutil.STATUS_ZOMBIE]


def is_bwrap(process: psutil.Process) -> bool:
    """Of the sandbox itself, which a pause stops too."""
    return bool(process.info["name"] == "bwrap")


@pytest.fixture
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """Whatever an agent does, when its run is over nothing of it is alive."""
    yield
    assert processes(tmp_path) == []


def carried_out(run: Run) -> Run:
    with working(run):
        pass
    run.refresh_from_db()
    assert not run.has_agent
    return run


def events(run: Run, event_type: str) -> list[dict[str, Any]]:
    bodies = run.events.filter(event_type=event_type).order_by("id").values_list("body", flat=True)
    return [json.loads("{" + body) for body in bodies]


def failed(run: Run) -> str:
    """The reason why it failed, which its log tells too."""
    error = carried_out(run).error or {}
    (told,) = events(run, "run_failed")
    assert (run.status, error["code"]) == ("failed", "agent-failed")
    assert (told["severity"], told["message"]) == ("error", error["message"])
    return str(error["message"])


def last_words(run: Run) -> list[str]:
    return [event["data"]["stderr"] for event in events(run, "log") if "stderr" in event["data"]]


# Floods


def test_a_flood_of_updates_is_written_down_whole_and_in_order(queue_hostile: QueueHostile) -> None:
    run = queue_hostile("i = shake_hands()\nfor n in range(20_000): say(f'{n} ')\nend(i); read()")
    assert carried_out(run).status == "completed"
    said = "".join(event["message"] for event in events(run, "agent_message"))
    assert said == "".join(f"{n} " for n in range(20_000))


@pytest.mark.once
def test_a_huge_line_is_cut_into_events(queue_hostile: QueueHostile) -> None:
    run = queue_hostile("i = shake_hands(); say('x' * 1_000_000); end(i); read()")
    assert carried_out(run).status == "completed"
    assert sum(len(event["message"]) for event in events(run, "agent_message")) == 1_000_000


@pytest.mark.once
def test_a_line_without_end_fails_the_run(queue_hostile: QueueHostile) -> None:
    run = queue_hostile("shake_hands()\nwhile True: sys.stdout.write('x' * 1_000_000)")
    assert failed(run) == "The agent wrote a line of more than 16 MiB."


HUGE = {
    "an update of its own": "update({'sessionUpdate': 'own', 'more': ['y' * 1000] * 5000})",
    "a plan": "update({'sessionUpdate': 'plan', 'entries': [{'content': 'z' * 9000, 'status': 'pending', "
    "'priority': 'high'}] * 1000})",
    "a tool": "update({'sessionUpdate': 'tool_call', 'toolCallId': 't' * 100_000, 'title': 'u' * 100_000, "
    "'kind': 'edit', 'status': 'completed', 'locations': [{'path': 'v' * 1000}] * 1000})",
    "a command": "update({'sessionUpdate': 'tool_call', 'toolCallId': 't', 'title': 'w' * 3_000_000, "
    "'kind': 'execute', 'rawInput': {'command': 'w' * 3_000_000}, 'status': 'pending'})",
}


@pytest.mark.parametrize("what", HUGE)
def test_an_event_and_the_run_stay_small_whatever_is_sent(queue_hostile: QueueHostile, what: str) -> None:
    run = carried_out(queue_hostile(f"i = shake_hands(); {HUGE[what]}; end(i); read()"))
    assert run.status == "completed", run.error
    assert max(len(body) for body in run.events.values_list("body", flat=True)) < 300_000
    assert len(json.dumps(run.timeline)) < 300_000
    assert all(len(each.command) <= 1_000_000 for each in run.commands.all())


@pytest.mark.once
def test_endless_updates_and_endless_stderr_do_not_keep_a_cancel_waiting(
    queue_hostile: QueueHostile, api: APIClient
) -> None:
    body = "shake_hands()\nwhile True: say('x' * 1000); print('y' * 1000, file=sys.stderr)"
    cancel(queue_hostile(body), api)


@pytest.mark.once
def test_endless_stderr_harms_no_run(queue_hostile: QueueHostile) -> None:
    body = "i = shake_hands()\nfor n in range(200_000): print(n, 'z' * 100, file=sys.stderr)\nend(i); read()"
    run = carried_out(queue_hostile(body))
    assert (run.status, last_words(run)) == ("completed", [])


@pytest.mark.once
def test_questions_without_end_fail_the_run(queue_hostile: QueueHostile) -> None:
    body = f"shake_hands()\nn = 100\nwhile True: n += 1; ask({CALL}, n)"
    assert "asked more than" in failed(queue_hostile(body, safe_mode=True))


@pytest.mark.once
def test_an_agent_that_sends_without_end_is_ended(queue_hostile: QueueHostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_RUNS_AGENT_OUTPUT_MB", "3")
    run = queue_hostile("shake_hands()\nwhile True: update({'sessionUpdate': 'own', 'more': 'x' * 10_000})")
    assert failed(run) == "The agent sent more than 3 MiB."
    assert run.events.count() < 400


# Silence


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("time.sleep(1000)", "The agent did not answer the handshake within 2 seconds."),
        ("answer({'protocolVersion': 1}); time.sleep(1000)", "The agent did not answer the new session within 2 sec"),
        (
            f"answer({{'protocolVersion': 1}}); answer({{'sessionId': 's', 'modes': {MODES}}}); time.sleep(1000)",
            "The agent did not answer the request to set its mode within 2 seconds.",
        ),
    ],
)
@pytest.mark.once
def test_an_agent_that_does_not_get_going_fails_in_time(queue_hostile: QueueHostile, body: str, reason: str) -> None:
    slow = f"{STUBBORN}print('Loading…', file=sys.stderr, flush=True)\n{body}"
    run = queue_hostile(slow, safe_mode=True, agent={"startSeconds": 2, "safeMode": "ask"})
    assert failed(run).startswith(reason)
    assert last_words(run) == ["Loading…"]


@pytest.mark.parametrize("then", ["pass", "os.close(1)", "os.close(0)"])
@pytest.mark.once
def test_an_agent_that_never_ends_its_turn_is_ended_by_the_time_limit(queue_hostile: QueueHostile, then: str) -> None:
    run = queue_hostile(f"{STUBBORN}shake_hands(); say('Hm.'); flush(); {then}\nwhile True: time.sleep(1)")
    with working(run):
        wait_until(lambda: events(run, "agent_message"))
        Run.objects.update(limit_from=timezone.now() - timedelta(days=1))
    run.refresh_from_db()
    assert (run.status, (run.error or {})["code"]) == ("failed", "time-limit")


# Cancel


def cancel(run: Run, api: APIClient) -> None:
    """Cancels it once its agent is at work: within five seconds nothing is left."""
    with working(run):
        wait_until(lambda: run.attempts.filter(session_id="s").exists())
        began = time.monotonic()
        assert api.post(f"/api/runs/{run.pk}/cancel").json()["status"] == "cancelled"
        wait_until(lambda: not Run.objects.get(pk=run.pk).has_agent)
        assert time.monotonic() - began < 5
    assert run.attempts.get().summary is not None


DEAF = {
    "ignores": f"{STUBBORN}shake_hands()\nwhile True: time.sleep(1)",
    "reads nothing": f"{STUBBORN}shake_hands(); n = 10\n"
    "while True: n += 1; write({'id': n, 'method': 'fs/read_text_file', 'params': {'path': 'x' * 1000}})",
    "says that it goes on": f"{STUBBORN}i = shake_hands(); read(); say('No.'); flush()\nwhile True: read()",
    "forks": f"{STUBBORN}shake_hands()\nfor n in range(30):\n  if not os.fork(): os.setsid(); break\ntime.sleep(1000)",
    "forks for ever": f"{STUBBORN}shake_hands()\nwhile os.fork(): time.sleep(1000)\n"
    "while True:\n  if os.fork(): os._exit(0)\n  os.setsid()",
    "stops itself": f"{STUBBORN}shake_hands(); os.kill(os.getpid(), 19); time.sleep(1000)",
}


@pytest.mark.parametrize("how", DEAF)
@pytest.mark.once
def test_a_cancel_ends_everything_whatever_the_agent_does(
    queue_hostile: QueueHostile, api: APIClient, how: str
) -> None:
    cancel(queue_hostile(DEAF[how]), api)


@pytest.mark.parametrize("how", ["forks for ever", "stops itself"])
@pytest.mark.once
def test_a_cancel_ends_an_agent_that_does_not_stand_still_in_a_pause(
    queue_hostile: QueueHostile, api: APIClient, tmp_path: Path, how: str
) -> None:
    run = queue_hostile(DEAF[how])
    with working(run):
        wait_until(lambda: run.attempts.filter(session_id="s").exists())
        assert api.post(f"/api/runs/{run.pk}/pause").status_code == 200
        wait_until(lambda: psutil.STATUS_STOPPED in map(status, filter(is_bwrap, processes(tmp_path))))
        began = time.monotonic()
        assert api.post(f"/api/runs/{run.pk}/cancel").status_code == 200
        wait_until(lambda: not Run.objects.get(pk=run.pk).has_agent)
        assert time.monotonic() - began < 5


@pytest.mark.once
def test_a_cancel_ends_an_agent_that_does_not_get_going(
    queue_hostile: QueueHostile, api: APIClient, tmp_path: Path
) -> None:
    run = queue_hostile(f"{STUBBORN}time.sleep(1000)")
    with working(run):
        wait_until(lambda: processes(tmp_path))
        api.post(f"/api/runs/{run.pk}/cancel")
        wait_until(lambda: not Run.objects.get(pk=run.pk).has_agent, 10)
    run.refresh_from_db()
    assert run.status == "cancelled"


# Forks and lies


@pytest.mark.once
def test_what_an_agent_has_left_running_ends_with_it(queue_hostile: QueueHostile, tmp_path: Path) -> None:
    body = """
        i = shake_hands()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                while True: open("grows.txt", "a").write("x"); time.sleep(0.01)
            os._exit(0)
        while not os.path.exists("grows.txt"): time.sleep(0.01)
        end(i); read()
    """
    run = carried_out(queue_hostile(body))
    assert (run.status, processes(tmp_path)) == ("completed", [])
    (file,) = run.attempts.get().files.all()
    workspace = run.attempts.get().workspace
    assert workspace is not None
    assert (workspace.work_tree_path / "grows.txt").stat().st_size == file.size_bytes


@pytest.mark.once
def test_files_are_what_git_finds_not_what_an_agent_claims(queue_hostile: QueueHostile, api: APIClient) -> None:
    body = """
        i = shake_hands()
        def claim(path):
            update({"sessionUpdate": "tool_call", "toolCallId": path, "title": "Edit", "kind": "edit",
                    "status": "completed", "locations": [{"path": path}],
                    "content": [{"type": "diff", "path": path, "oldText": "", "newText": "claimed"}]})
        claim("claimed.txt"); claim("/etc/passwd"); claim("../../out.txt")
        open("done.txt", "w").write("done"); os.unlink("app.py")
        end(i); read()
    """
    run = carried_out(queue_hostile(body))
    files = api.get(f"/api/runs/{run.pk}/files").json()["data"]
    assert sorted((each["path"], each["changeType"]) for each in files) == [
        ("app.py", "deleted"),
        ("done.txt", "created"),
    ]
    kinds = run.events.filter(event_type__startswith="file_").order_by("path").values_list("path", "event_type")
    assert list(kinds) == [("app.py", "file_deleted"), ("done.txt", "file_created")]


# What breaks the protocol


@pytest.mark.parametrize(
    "line", ["garbage", "[]", '{"method": 3}', '{"id": []}', '{"id": 1, "error": "x"}', "[" * 100_000]
)
@pytest.mark.once
def test_a_line_that_is_no_message_fails_the_run(queue_hostile: QueueHostile, line: str) -> None:
    run = queue_hostile(
        f"shake_hands(); print('Oops.', file=sys.stderr, flush=True); print({line!r}, flush=True); read()"
    )
    assert failed(run) == "The agent wrote a line to its output that is no JSON-RPC message."
    assert last_words(run) == ["Oops."]


@pytest.mark.once
def test_bytes_that_are_no_text_fail_the_run(queue_hostile: QueueHostile) -> None:
    run = queue_hostile(
        "shake_hands(); os.write(2, b'\\xff\\x00\\x1b[31m'); time.sleep(0.5); os.write(1, b'\\xff\\xfe\\n'); read()"
    )
    assert failed(run) == "The agent wrote a line to its output that is no JSON-RPC message."
    assert last_words(run) == ["\ufffd\ufffd\x1b[31m"]


NOISE = {
    "unknown requests": "write({'id': 9, 'method': '_own/thing', 'params': {}}); flush(); read()",
    "unknown notifications": "write({'method': '_own/news', 'params': {'a': 1}})",
    "an unknown update": "update({'sessionUpdate': 'hologram', 'depth': 3})",
    "answers to nobody": "write({'id': 4711, 'result': {}}); write({'id': None, 'error': {'code': 1, 'message': 'x'}})",
    "updates of no shape": "write({'method': 'session/update', 'params': [1]}); write({'method': 'session/update'})",
    "lone surrogates and NUL": "say('\\ud800 \\0 end')",
    "an end of a command that never began": "update({'sessionUpdate': 'tool_call_update', 'toolCallId': 'q', "
    "'kind': 'execute', 'status': 'completed'})",
    "usage beyond all numbers": "update({'sessionUpdate': 'usage_update', 'used': 1, 'size': 2, "
    "'cost': {'amount': 10**400, 'currency': 'USD'}})",
    "an exit code that no system has": "update({'sessionUpdate': 'tool_call', 'toolCallId': 'q', 'kind': 'execute', "
    "'status': 'completed', 'rawInput': {'command': 'x'}, 'rawOutput': {'exit_code': 10**30}})",
}


@pytest.mark.parametrize("what", NOISE)
def test_noise_is_kept_or_refused_and_harms_nothing(queue_hostile: QueueHostile, what: str) -> None:
    run = carried_out(queue_hostile(f"i = shake_hands(); {NOISE[what]}; say('Done.'); end(i); read()"))
    assert (run.status, run.error) == ("completed", None)
    assert "Done." in "".join(event["message"] for event in events(run, "agent_message"))


@pytest.mark.parametrize("name", ["s" * 201, "a\\0b"])
def test_a_session_whose_name_cannot_be_kept_fails_the_run(queue_hostile: QueueHostile, name: str) -> None:
    run = queue_hostile(f"answer({{'protocolVersion': 1}}); answer({{'sessionId': '{name}'}}); read()")
    assert "no name of at most 200 plain characters" in failed(run)


def test_a_reason_with_what_no_database_holds_fails_the_run(queue_hostile: QueueHostile) -> None:
    error = {"code": -32603, "message": "a \0 b"}
    run = carried_out(queue_hostile(f"i = shake_hands(); write({{'id': i, 'error': {error!r}}}); flush(); read()"))
    assert (run.status, (run.error or {}).get("message")) == ("failed", "a \ufffd b")


# Deaths

DIE = "print('boom', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"
STEPS = {
    "at once": DIE,
    "after the handshake": f"answer({{'protocolVersion': 1}}); {DIE}",
    "after the session": f"answer({{'protocolVersion': 1}}); answer({{'sessionId': 's'}}); {DIE}",
    "in the turn": f"shake_hands(); say('Hm.'); flush(); {DIE}",
    "in a command": f"shake_hands(); update({{'sessionUpdate': 'tool_call'}} | {CALL}); flush(); {DIE}",
    "in the middle of a line": f"shake_hands(); sys.stdout.write('{{\"jsonrpc\": '); flush(); {DIE}",
}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.once
def test_an_agent_that_dies_fails_the_run_with_its_last_words(queue_hostile: QueueHostile, step: str) -> None:
    run = queue_hostile(STEPS[step])
    assert failed(run) == "The agent's process ended. Its last words:\nboom"
    assert last_words(run) == ["boom"]
    assert set(run.commands.values_list("status", flat=True)) <= {"lost"}
    assert run.attempts.get().summary is not None


@pytest.mark.once
def test_a_run_fails_also_where_its_files_cannot_be_recorded(queue_hostile: QueueHostile, api: APIClient) -> None:
    run = queue_hostile(f"shake_hands(); ask({CALL}); read(); {DIE}", safe_mode=True)
    with working(run):
        asked = wait_until(lambda: run.permissions.first())
        workspace = run.attempts.get().workspace
        assert workspace is not None
        index_dir = open_work_tree(workspace).index_dir
        index_dir.rename(index_dir.with_name("elsewhere"))
        index_dir.touch()  # as a broken disk would do it
        api.post(f"/api/runs/{run.pk}/permissions/{asked.pk}", {"decision": "reject"})
    run.refresh_from_db()
    assert (run.status, run.lease_owner) == ("failed", "")


@pytest.mark.once
def test_an_agent_that_dies_while_it_asks_leaves_no_question_open(queue_hostile: QueueHostile) -> None:
    run = queue_hostile(f"shake_hands(); ask({CALL}); time.sleep(0.5); {DIE}", safe_mode=True)
    assert "boom" in failed(run)
    assert run.permissions.get().status == "expired"


@pytest.mark.once
def test_an_agent_that_is_gone_right_after_its_turn_has_done_it(queue_hostile: QueueHostile) -> None:
    run = carried_out(queue_hostile("i = shake_hands(); say('Done.'); end(i); os._exit(1)"))
    assert (run.status, run.error) == ("completed", None)


@pytest.mark.once
def test_a_failed_run_of_a_dead_agent_can_be_tried_again(queue_hostile: QueueHostile, api: APIClient) -> None:
    run = queue_hostile("i = shake_hands()\nif os.path.isdir('../attempt'): pass\nos._exit(1)")
    assert "process ended" in failed(run)
    assert "retry" in api.get(f"/api/runs/{run.pk}").json()["allowedActions"]
