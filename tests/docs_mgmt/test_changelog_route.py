"""The changelog through the door, read from a real clone, and written from a real run."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from docs_mgmt.changelog_entries import entry_of
from docs_mgmt.generators.changelog import Entry, parse, render, with_entry
from projects.models import Project
from tests.config.answers import problem
from tests.conftest import QueueRun, git

AT = datetime(2026, 11, 30, 13, 45, tzinfo=UTC)
ENTRY = Entry(
    run_id=1,
    title="Mend the login",
    date=AT,
    summary="It **works**.",
    why="Nobody can log in.",
    agent="claude",
    model="opus",
    branch="quarterdeck/run-1-1-mend",
    files=("a.py",),
    tests=("pytest: passed",),
    risks=("ci (high): 1 file decides what CI or git hooks do.",),
)
Publish = Callable[[bytes], None]


@pytest.fixture
def publish(tmp_path: Path, remote: Path) -> Publish:
    """Puts a changelog into the remote."""

    def make(content: bytes) -> None:
        work = tmp_path / "origin"
        (work / "CHANGELOG_AI.md").write_bytes(content)
        git("add", ".", cwd=work)
        git("commit", "-q", "-m", "Changelog", cwd=work)
        git("push", "-q", remote, "main", cwd=work)

    return make


@pytest.fixture
def project_with(publish: Publish, request: pytest.FixtureRequest) -> Callable[[bytes], Project]:
    """A clone of a repository with this changelog."""

    def make(content: bytes) -> Project:
        publish(content)
        project: Project = request.getfixturevalue("cloned")
        return project

    return make


def document(*entries: Entry) -> bytes:
    made: bytes | None = None
    for entry in entries:
        made = with_entry(made, entry)
    return made or b""


def read(api: APIClient, project: Project, **query: Any) -> dict[str, Any]:
    answer = api.get(f"/api/projects/{project.pk}/changelog", query)
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def ids(page: dict[str, Any]) -> list[int]:
    return [row["runId"] for row in page["data"]]


@pytest.mark.django_db(transaction=True)
class TestInARepository:
    def test_an_entry_is_given_as_it_was_written(
        self, project_with: Callable[[bytes], Project], api: APIClient
    ) -> None:
        (row,) = read(api, project_with(document(ENTRY)))["data"]
        assert row == {
            "runId": 1,
            "date": "2026-11-30T13:45:00.000Z",
            "title": "Mend the login",
            "summary": "It **works**.",
            "why": "Nobody can log in.",
            "files": ["a.py"],
            "agent": "claude",
            "model": "opus",
            "branch": "quarterdeck/run-1-1-mend",
            "tests": ["pytest: passed"],
            "risks": ["ci (high): 1 file decides what CI or git hooks do."],
        }

    def test_they_come_newest_first_however_people_have_moved_them(
        self, project_with: Callable[[bytes], Project], api: APIClient
    ) -> None:
        dates = [AT, None, AT + timedelta(days=1), AT]
        text = "".join(render(replace(ENTRY, run_id=number, date=at)) for number, at in enumerate(dates, 1))
        assert ids(read(api, project_with(text.encode()))) == [3, 4, 1, 2]

    def test_a_cursor_stays_where_it_was_when_entries_come(
        self,
        project_with: Callable[[bytes], Project],
        publish: Publish,
        api: APIClient,
        work_off: Callable[[], None],
    ) -> None:
        entries = [replace(ENTRY, run_id=number, date=AT + timedelta(days=number)) for number in range(1, 6)]
        project = project_with(document(*entries[:4]))
        first = read(api, project, limit=2)
        publish(document(*entries))
        assert api.post(f"/api/projects/{project.pk}/pull").status_code == 202
        work_off()
        second = read(api, project, limit=2, cursor=first["meta"]["nextCursor"])
        assert (ids(first), ids(second), second["meta"]["nextCursor"]) == ([4, 3], [2, 1], None)
        assert ids(read(api, project)) == [5, 4, 3, 2, 1]

    def test_bytes_that_are_no_changelog_give_no_entries(
        self, project_with: Callable[[bytes], Project], api: APIClient
    ) -> None:
        text = b"\xff\x00 words\n<!-- run 99999999999999999999 -->\n<!-- run 3 -->\n- Date: 9999-12-31T23:59:59-12:00"
        (row,) = read(api, project_with(text))["data"]
        assert (row["runId"], row["date"], row["title"]) == (3, None, "")

    def test_one_that_is_too_large_is_not_read(self, project_with: Callable[[bytes], Project], api: APIClient) -> None:
        project = project_with(b"x" * (4 * 1024 * 1024 + 1))
        assert problem(api.get(f"/api/projects/{project.pk}/changelog")) == (409, "docs-too-large")

    def test_a_forged_cursor_is_refused(self, cloned: Project, api: APIClient) -> None:
        answer = api.get(f"/api/projects/{cloned.pk}/changelog", {"cursor": "x"})
        assert problem(answer) == (400, "invalid-cursor")


@pytest.mark.django_db(transaction=True)
def test_the_entry_of_a_run_tells_what_it_did(carry_out: QueueRun) -> None:
    run = carry_out(
        "Add a greeting.\n\n```file a/b.py\nA\n```\n```file docs/x.md\nx\n```\n\nDone: `a/b.py`.", title="Greet <!--"
    )
    attempt = run.attempts.get()
    entry = entry_of(attempt, attempt.summary or {}, at=AT, without=frozenset({"docs/x.md"}))
    assert (entry.run_id, entry.title, entry.summary, entry.agent) == (
        run.pk,
        "Greet <!--",
        "Done: `a/b.py`.",
        "script",
    )
    assert entry.why.startswith("Add a greeting. ```file a/b.py A ```")
    assert (entry.files, entry.branch, entry.tests) == (("a/b.py",), attempt.branch, ())
    assert "untested (medium): Code was changed, and no tests were run." in entry.risks
    assert parse(with_entry(None, entry).decode()) == [entry]


@pytest.mark.django_db(transaction=True)
def test_secrets_that_the_server_knows_are_not_in_it(carry_out: QueueRun, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sk-abcdefgh-12345678"
    monkeypatch.setenv("QUARTERDECK_PARAM_PROVIDERS_ANTHROPIC_API_KEY", secret)
    run = carry_out(f"Use {secret}.\n\nI used {secret}.", title=f"Use {secret}")
    attempt = run.attempts.get()
    written = render(entry_of(attempt, attempt.summary or {}, at=AT, without=frozenset()))
    assert secret not in written
    assert written.startswith("## Use \\[redacted: ")
