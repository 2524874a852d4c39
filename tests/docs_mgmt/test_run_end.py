"""At the end of a run its documents are brought up to date in its work tree, and nothing else of it changes."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from docs_mgmt.generators.changelog import parse
from docs_mgmt.generators.managed import CHANGELOG_AI, MANAGED, PROJECT_MAP
from docs_mgmt.generators.stages import STAGES
from projects.workspaces import open_work_tree
from runs.execution.executor import execute
from runs.models import Run
from runs.queries import current_attempt
from tests.conftest import QueueRun
from tests.docs_mgmt.conftest import Indexed

pytestmark = pytest.mark.django_db(transaction=True)
PATHS = {PROJECT_MAP.path, *(MANAGED[slug].path for slug in STAGES)}
CHANGELOG = CHANGELOG_AI.path
WRITE = '```file src/new.py\n"""Greets."""\n\ndef greet():\n    pass\n```\n'


@pytest.fixture(autouse=True)
def auto_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_DOCS_AUTO_UPDATE", "true")


def work_tree(run: Run) -> Path:
    attempt = current_attempt(run)
    assert attempt is not None
    assert attempt.workspace is not None
    return open_work_tree(attempt.workspace).path


def told(api: APIClient, run: Run) -> list[dict[str, Any]]:
    """The run's `docs_updated` events."""
    events: list[dict[str, Any]] = api.get(f"/api/runs/{run.pk}/events?eventTypes=docs_updated").json()["data"]
    return events


def changed(api: APIClient, run: Run) -> set[str]:
    return {row["path"] for row in api.get(f"/api/runs/{run.pk}/files").json()["data"]}


def test_the_documents_are_among_the_run_s_files(indexed: Indexed, carry_out: QueueRun, api: APIClient) -> None:
    indexed({})
    run = carry_out(WRITE)
    assert run.status == "completed"
    assert changed(api, run) == {"src/new.py", CHANGELOG, *PATHS}
    assert "| `new.py` | source | 4 | Greets | `greet` |" in (work_tree(run) / PROJECT_MAP.path).read_text()
    assert [set(each["data"]["paths"]) for each in told(api, run)] == [{CHANGELOG, *PATHS}]


def test_a_run_that_changes_nothing_writes_none(indexed: Indexed, carry_out: QueueRun, api: APIClient) -> None:
    indexed({})
    run = carry_out("Hello.")
    assert (run.status, changed(api, run), told(api, run)) == ("completed", set(), [])


def test_a_run_that_fails_writes_none(indexed: Indexed, carry_out: QueueRun, api: APIClient) -> None:
    indexed({})
    run = carry_out(WRITE + "```sh\nexit 1\n```")
    assert (run.status, changed(api, run), told(api, run)) == ("failed", {"src/new.py"}, [])


def test_without_the_param_none_are_written(
    indexed: Indexed, carry_out: QueueRun, api: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_DOCS_AUTO_UPDATE", "false")
    indexed({})
    assert changed(api, carry_out(WRITE)) == {"src/new.py"}


def test_a_link_that_an_agent_has_left_leads_nowhere(
    indexed: Indexed, carry_out: QueueRun, api: APIClient, tmp_path: Path
) -> None:
    indexed({})
    (tmp_path / "outside").mkdir()
    run = carry_out(f"{WRITE}```sh\nln -s {tmp_path}/outside docs\n```")
    assert run.status == "completed"
    assert list((tmp_path / "outside").iterdir()) == []
    (event,) = told(api, run)
    assert (event["data"]["paths"], {each["path"] for each in event["data"]["problems"]}) == ([CHANGELOG], PATHS)


def test_people_s_text_stays_and_damage_is_told(indexed: Indexed, carry_out: QueueRun, api: APIClient) -> None:
    begin, end = "<!-- quarterdeck:begin project-map -->", "<!-- quarterdeck:end project-map -->"
    indexed({"docs/PROJECT_MAP.md": f"# Ours\r\n{begin}\r\n{end}\r\nafter".encode()})
    run = carry_out(WRITE)
    written = (work_tree(run) / "docs/PROJECT_MAP.md").read_bytes()
    assert (written.startswith(b"# Ours\r\n"), written.endswith(b"\r\nafter")) == (True, True)
    damaged = carry_out(f"{WRITE}```file docs/PROJECT_MAP.md\na\n{begin}\n```\n")
    (event,) = told(api, damaged)
    assert [(each["path"], each["line"]) for each in event["data"]["problems"]] == [("docs/PROJECT_MAP.md", 2)]
    assert damaged.status == "completed"


def test_a_project_without_an_index_is_read_all_the_same(carry_out: QueueRun, api: APIClient) -> None:
    assert changed(api, carry_out(WRITE)) == {"src/new.py", CHANGELOG, *PATHS}


def test_what_fails_is_told_and_the_run_is_completed(indexed: Indexed, carry_out: QueueRun, api: APIClient) -> None:
    project = indexed({})
    (project.folder / "indexes").rename(project.folder / "indexes.old")
    (project.folder / "indexes").write_text("no folder")
    run = carry_out(WRITE)
    assert run.status == "completed"
    (event,) = told(api, run)
    assert (event["severity"], event["data"]["paths"]) == ("warning", [CHANGELOG])
    assert "left as they are" in event["message"]


def test_the_changelog_has_the_run_s_entry_once(indexed: Indexed, carry_out: QueueRun) -> None:
    indexed({})
    run = carry_out(WRITE)
    (entry,) = parse((work_tree(run) / CHANGELOG).read_text())
    assert (entry.run_id, entry.title, entry.agent, entry.files) == (run.pk, "Try it", "script", ("src/new.py",))
    Run.objects.filter(pk=run.pk).update(status="queued")
    execute(run.pk)
    assert [each.run_id for each in parse((work_tree(run) / CHANGELOG).read_text())] == [run.pk]
