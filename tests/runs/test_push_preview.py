"""Before a push: what it would bring, where the remote is, and what looks like a secret; nothing of that is sent."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Membership, Project
from runs import secret_scan
from runs.models import Run
from runs.services.publishing import carry_out_push
from tests.conftest import MakeApi, MakeUser, QueueRun, git

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("allow_local"), pytest.mark.once]
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
WITH_SECRETS = f"```file conf.py\n# settings\nkey = '{TOKEN}'  # pragma: allowlist secret\n```"


class Committed:
    """A run with an approved commit, and its doors."""

    def __init__(self, api: APIClient, run: Run) -> None:
        self.api, self.run, self.path = api, run, f"/api/runs/{run.pk}"
        self.post("approve", commit=True)

    def post(self, action: str, **body: Any) -> Any:
        return self.api.post(f"{self.path}/{action}", body)

    def preview(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.api.get(f"{self.path}/push-preview").json()
        return shown

    def edit(self, name: str, text: str) -> None:
        workspace = self.run.attempts.get().workspace
        assert workspace is not None
        (workspace.work_tree_path / name).write_text(text)
        self.post("approve", commit=True)


@pytest.fixture
def plain(api: APIClient, carry_out_once: QueueRun) -> Committed:
    return Committed(api, carry_out_once("```file note.txt\nhello\n```", title="Leave a note"))


@pytest.fixture
def risky(api: APIClient, carry_out_once: QueueRun) -> Committed:
    return Committed(api, carry_out_once(WITH_SECRETS))


def move_remote(remote: Path, branch: str) -> str:
    """Somebody else has made the same branch in the remote."""
    other = git("commit-tree", "-m", "other", "main^{tree}", cwd=remote).strip()
    git("update-ref", f"refs/heads/{branch}", other, cwd=remote)
    return other


def test_a_preview_shows_what_would_be_brought(plain: Committed) -> None:
    shown = plain.preview()
    assert (shown["remote"], shown["branch"]) == (plain.run.project.repository_url, plain.run.attempts.get().branch)
    assert (shown["ahead"], shown["behind"], shown["comparedWith"]) == (1, 0, "main")
    assert [each["subject"] for each in shown["commits"]] == ["Leave a note"]
    assert [(each["path"], each["changeType"]) for each in shown["files"]] == [("note.txt", "created")]
    assert (shown["allowed"], shown["remoteCommit"], shown["moved"], shown["secrets"]) == (True, None, False, [])


def test_after_a_push_there_is_nothing_ahead(plain: Committed) -> None:
    plain.post("push")
    carry_out_push(plain.run.attempts.get().pk)
    shown = plain.preview()
    assert (shown["ahead"], shown["remoteCommit"], shown["comparedWith"]) == (0, shown["commit"], shown["branch"])


def test_a_secret_is_told_by_its_place_only(risky: Committed) -> None:
    answer = risky.api.get(f"{risky.path}/push-preview")
    found = [(each["path"], each["line"], each["rule"]) for each in answer.json()["secrets"]]
    assert ("conf.py", 2, "GitHub Token") in found
    assert TOKEN not in answer.content.decode()


def test_a_push_refuses_secrets_and_queues_nothing(risky: Committed) -> None:
    answer = risky.post("push")
    assert (answer.status_code, answer.json()["code"]) == (409, "secrets-found")
    assert answer.json()["secrets"] == risky.preview()["secrets"]
    assert TOKEN not in answer.content.decode()
    assert risky.run.attempts.get().push_status is None


def test_acknowledged_secrets_are_pushed_and_written_down(risky: Committed) -> None:
    fingerprints = [each["fingerprint"] for each in risky.preview()["secrets"]]
    assert risky.post("push", acknowledgeSecrets=fingerprints).status_code == 202
    assert risky.run.events.filter(event_type="log", severity="warning", body__contains=fingerprints[0]).exists()


def test_other_fingerprints_acknowledge_nothing(risky: Committed) -> None:
    assert risky.post("push", acknowledgeSecrets=["0" * 32]).json()["code"] == "secrets-found"


def test_a_secret_that_a_later_commit_takes_out_is_still_published(risky: Committed) -> None:
    before = risky.preview()["secrets"]
    risky.edit("conf.py", "# settings\n")
    assert risky.preview()["secrets"] == before


def test_what_nobody_looked_at_is_a_finding(plain: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_scan, "MAX_SCAN_BYTES", 3)
    shown = plain.preview()
    [found] = shown["secrets"]
    assert (found["path"], found["line"], found["rule"]) == ("note.txt", None, "not-scanned")
    assert shown["scanComplete"] is False
    assert plain.post("push").json()["code"] == "secrets-found"


def test_a_scan_that_takes_too_long_is_ended_and_said_so(plain: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_scan, "SCAN_SECONDS", 0.01)
    assert [each["rule"] for each in plain.preview()["secrets"]] == ["not-scanned"]


def test_a_remote_that_has_moved_is_refused_with_a_cure(plain: Committed, remote: Path) -> None:
    theirs = move_remote(remote, plain.run.attempts.get().branch)
    shown = plain.preview()
    assert (shown["moved"], shown["behind"], shown["remoteCommit"]) == (True, None, theirs)
    answer = plain.post("push")
    assert (answer.status_code, answer.json()["code"], answer.json()["remoteCommit"]) == (409, "remote-moved", theirs)
    assert "delete that branch there" in answer.json()["detail"]


def test_a_remote_that_cannot_be_asked_is_said(plain: Committed, remote: Path) -> None:
    remote.rename(remote.with_name("away.git"))
    shown = plain.preview()
    assert (shown["remoteError"]["code"], shown["ahead"]) == ("repository-not-found", 1)


def test_without_leave_to_push_the_preview_says_so(plain: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH", "false")
    assert plain.preview()["allowed"] is False


def test_without_a_commit_there_is_nothing_to_preview(api: APIClient, carry_out: QueueRun) -> None:
    run = carry_out("```file note.txt\nhello\n```")
    answer = api.get(f"/api/runs/{run.pk}/push-preview")
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-commit")


def test_a_viewer_does_not_use_the_projects_login(plain: Committed, make_user: MakeUser, make_api: MakeApi) -> None:
    viewer = make_user("viewer@example.com")
    Membership.objects.create(project=plain.run.project, user=viewer, role="viewer")
    answer = make_api(viewer).get(f"{plain.path}/push-preview")
    assert (answer.status_code, answer.json()["code"]) == (403, "role-required")


def test_an_archived_project_asks_no_remote(plain: Committed) -> None:
    Project.objects.update(status="archived")
    shown = plain.preview()
    assert (shown["status"], shown["code"], shown["currentStatus"]) == (409, "project-not-ready", "archived")
