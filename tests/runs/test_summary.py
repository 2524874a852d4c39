"""The summary of a run through the door: real runs, real commands, real outputs."""

from importlib import import_module
from typing import Any

import pytest
from rest_framework.test import APIClient

from runs.execution.executor import execute
from runs.execution.summary import summarize
from runs.models import Run
from tests.conftest import QueueRun

pytestmark = pytest.mark.django_db(transaction=True)

WORK = """
I begin.

```file src/login.py
def login(user):
    password = "correcthorse"
```
```file tests/test_login.py
def test_login():
    pass
```
```file docs/login.md
Log in.
```
```sh
mkdir bin
cat > bin/pytest <<'EOF'
#!/bin/sh
printf '\\033[32m==== 3 passed, 1 skipped in 0.25s ====\\033[0m\\n'
EOF
chmod +x bin/pytest
```
```sh
bin/pytest -q
```

All is **done**: people can log in.
"""


@pytest.fixture
def summary_of(api: APIClient) -> Any:
    def read(run: Run) -> dict[str, Any]:
        answer = api.get(f"/api/runs/{run.pk}/summary")
        assert answer.status_code == 200, answer.content
        body: dict[str, Any] = answer.json()
        return body

    return read


def test_the_work_is_summed_up(carry_out: QueueRun, summary_of: Any) -> None:
    summary = summary_of(carry_out(WORK))
    assert summary["overview"] == "All is **done**: people can log in."
    assert summary["stats"] == {"files": 4, "additions": 7, "deletions": 0}
    assert [(file["path"], file["kind"], file["changeType"]) for file in summary["changedFiles"]] == [
        ("bin/pytest", "source", "created"),
        ("docs/login.md", "docs", "created"),
        ("src/login.py", "source", "created"),
        ("tests/test_login.py", "test", "created"),
    ]
    assert {each["kind"]: each["files"] for each in summary["kinds"]} == {"source": 2, "docs": 1, "test": 1}
    assert summary["docs"] == ["docs/login.md"]
    assert {risk["rule"]: risk["severity"] for risk in summary["risks"]} == {
        "authentication": "high",
        "secrets": "high",
        "executables": "medium",
        "unasked": "low",
    }
    (tests,) = summary["tests"]
    assert tests.pop("commandId") > 0
    assert tests == {
        "command": "bin/pytest -q",
        "cwd": tests["cwd"],
        "framework": "pytest",
        "outcome": "passed",
        "passed": 3,
        "failed": 0,
        "skipped": 1,
        "durationMs": 250,
        "exitCode": 0,
    }


def test_a_secret_line_is_told_by_its_place(carry_out: QueueRun, summary_of: Any) -> None:
    risks = summary_of(carry_out('```file app.ini\n[a]\npassword = "correcthorse"\n```'))["risks"]
    assert risks[0]["message"] == "What looks like a secret was added: app.ini:2."


def test_without_words_the_overview_tells_what_happened(carry_out: QueueRun, summary_of: Any) -> None:
    summary = summary_of(carry_out("```file a.txt\nA\n```\n```sh\ntrue\n```"))
    assert summary["overview"] == (
        "The agent left no words; the run is completed. 1 file was changed (1 docs), 1 lines added, 0 deleted. "
        "1 command was run, 0 of them with an error."
    )


def test_the_exit_code_of_tests_wins(carry_out: QueueRun, summary_of: Any) -> None:
    script = "mkdir -p t; printf 'echo 9 passed in 0.1s; exit 1\\n' > t/pytest; chmod +x t/pytest"
    run = carry_out(f"```sh\n{script}\n```\n```sh allow-fail\nt/pytest\n```")
    summary = summary_of(run)
    assert [(each["outcome"], each["passed"], each["exitCode"]) for each in summary["tests"]] == [("failed", 9, 1)]
    assert "failed-tests" in {risk["rule"] for risk in summary["risks"]}


def test_only_the_end_of_a_huge_output_is_read(carry_out: QueueRun, summary_of: Any) -> None:
    said = "yes x | head -c 3000000; echo; echo 2 passed in 0.1s"
    script = f"mkdir -p t; echo '{said}' > t/pytest; chmod +x t/pytest"
    (tests,) = summary_of(carry_out(f"```sh\n{script}\n```\n```sh\nt/pytest\n```"))["tests"]
    assert (tests["outcome"], tests["passed"]) == ("passed", 2)


def test_links_and_modes_are_told(carry_out: QueueRun, summary_of: Any) -> None:
    summary = summary_of(carry_out("```sh\nln -s ../../out link; chmod +x README.md; printf 'a\\0' > b.bin\n```"))
    told = {risk["rule"]: (risk["severity"], risk["paths"]) for risk in summary["risks"]}
    assert told["symlinks"] == ("high", ["link"])
    assert told["executables"] == ("medium", ["README.md"])
    assert told["binaries"] == ("low", ["b.bin"])


def test_a_follow_up_makes_it_anew(carry_out: QueueRun, summary_of: Any, api: APIClient) -> None:
    run = carry_out("```file a.txt\nA\n```\n\nFirst.")
    assert summary_of(run)["overview"] == "First."
    assert api.post(f"/api/runs/{run.pk}/messages", {"text": "```file b.py\nB\n```\n\nSecond."}).status_code == 202
    execute(run.pk)
    summary = summary_of(run)
    assert summary["overview"] == "Second."
    assert [file["path"] for file in summary["changedFiles"]] == ["a.txt", "b.py"]


def test_a_failed_run_has_one_too(carry_out: QueueRun, summary_of: Any) -> None:
    summary = summary_of(carry_out("I try.\n\n```sh\nexit 3\n```"))
    assert (summary["outcome"], summary["overview"]) == ("failed", "I try.")
    assert summary["commands"] == {"total": 1, "failed": 1}


def test_attempts_tell_its_sums(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out("```file a.txt\nA\nB\n```\n```delete app.py\n```")
    (attempt,) = api.get(f"/api/runs/{run.pk}/attempts").json()["data"]
    assert (attempt["filesChanged"], attempt["additions"], attempt["deletions"] > 0) == (2, 2, True)


def test_summaries_of_before_are_given_the_present_form() -> None:
    rewritten = import_module("runs.migrations.0019_summaries_by_rules").rewritten
    file = {"path": "a.py", "changeType": "created", "additions": 2, "deletions": 0}
    old = {"overview": "x", "changedFiles": [file], "risks": ["1 commands ended with an error."], "tests": []}
    new = rewritten(old)
    assert (new["overview"], new["stats"]) == ("x", {"files": 1, "additions": 2, "deletions": 0})
    assert new["changedFiles"] == [{**file, "oldPath": None, "kind": "source", "binary": False}]
    assert [(risk["rule"], risk["message"]) for risk in new["risks"]] == [("failed-commands", old["risks"][0])]
    assert rewritten(new)["stats"] == new["stats"]


def test_outputs_that_are_gone_cost_their_counts_only(carry_out: QueueRun) -> None:
    script = "mkdir -p t; printf 'echo 2 passed in 0.1s\\n' > t/pytest; chmod +x t/pytest"
    run = carry_out(f"```sh\n{script}\n```\n```sh\nt/pytest\n```")
    output = run.commands.get(command__startswith="t/").stdout
    output.storage.delete(str(output.name))
    (tests,) = summarize(run.attempts.get(), "completed")["tests"]
    assert (tests["outcome"], tests["passed"]) == ("passed", None)
