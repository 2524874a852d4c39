"""Review, commit and push: of exactly the tree that was shown, on the run branch, once."""

from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from projects.git.commits import commit_tree
from projects.git.identity import Identity
from projects.locks import repository_lock
from projects.workspaces import open_repository
from runs.models import Run, RunAttempt, RunReview
from runs.services import reviews
from runs.services.publishing import carry_out_push
from tests.conftest import MakeApi, QueueRun, all_at_once, git

pytestmark = pytest.mark.django_db(transaction=True)
PROMPT = "```file note.txt\nhello\n```"


class Reviewed:
    """A completed run and the doors to its review."""

    def __init__(self, api: APIClient, run: Run) -> None:
        self.api, self.run, self.path = api, run, f"/api/runs/{run.pk}"

    def post(self, action: str, **body: Any) -> Any:
        return self.api.post(f"{self.path}/{action}", body)

    def conflict(self, action: str, **body: Any) -> tuple[int, str]:
        answer = self.post(action, **body)
        return answer.status_code, answer.json()["code"]

    def show(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.api.get(self.path).json()
        return shown

    @property
    def attempt(self) -> RunAttempt:
        return RunAttempt.objects.select_related("workspace__project", "run__project").get()

    def edit(self) -> None:
        workspace = self.attempt.workspace
        assert workspace is not None
        (workspace.work_tree_path / "later.txt").write_text("later\n")

    def git(self, *arguments: str) -> str:
        return open_repository(self.run.project).run(arguments).decode()


@pytest.fixture
def done(api: APIClient, carry_out_once: QueueRun) -> Reviewed:
    run = carry_out_once(PROMPT, title="Leave a note")
    assert run.status == "completed", run.error
    return Reviewed(api, run)


def test_a_commit_needs_an_approval(done: Reviewed) -> None:
    assert done.conflict("commit") == (409, "approval-required")


def test_a_rejection_is_no_approval(done: Reviewed) -> None:
    done.post("approve")
    done.post("reject", notes="No.")
    assert done.conflict("commit") == (409, "approval-required")


def test_the_review_is_shown_with_its_tree(done: Reviewed) -> None:
    tree = done.show()["tree"]
    review = done.post("approve", notes="Fine.", tree=tree).json()["review"]
    assert (review["decision"], review["notes"], review["tree"], review["stale"]) == ("approved", "Fine.", tree, False)


def test_another_tree_than_the_shown_one_is_not_reviewed(done: Reviewed) -> None:
    assert done.conflict("approve", tree="0" * 40) == (409, "tree-changed")
    assert not RunReview.objects.exists()


def test_an_edit_after_the_shown_tree_is_noticed(done: Reviewed) -> None:
    tree = done.show()["tree"]
    done.edit()
    assert done.conflict("approve", tree=tree) == (409, "tree-changed")


def test_an_edit_after_the_approval_makes_it_stale(done: Reviewed) -> None:
    done.post("approve")
    done.edit()
    assert done.conflict("commit") == (409, "approval-stale")


def test_a_conflict_tells_status_and_what_is_allowed(done: Reviewed) -> None:
    body = done.post("commit").json()
    assert (body["runId"], body["currentStatus"]) == (done.run.pk, "completed")
    assert body["allowedActions"] == ["messages", "approve", "reject"]


def test_what_is_allowed_follows_the_review(done: Reviewed) -> None:
    assert done.show()["allowedActions"] == ["messages", "approve", "reject"]
    assert done.post("approve").json()["allowedActions"] == ["messages", "approve", "reject", "commit"]
    assert done.post("commit").json()["allowedActions"] == ["messages", "approve", "reject", "push"]
    assert done.post("reject").json()["allowedActions"] == ["messages", "approve", "reject"]


def test_a_commit_is_the_reviewers_and_names_run_and_agent(done: Reviewed, user: User) -> None:
    done.post("approve")
    shown = done.post("commit", message="Add a note").json()
    text = done.git("show", "-s", "--format=%an|%ae|%cn|%B", shown["git"]["commit"])
    assert text.startswith("Anna|anna@example.com|Quarterdeck|Add a note\n")
    assert f"Quarterdeck-Run: {done.run.pk}\nQuarterdeck-Agent: script" in text


def test_a_commit_has_the_approved_tree_on_the_run_branch(done: Reviewed) -> None:
    shown = done.post("approve", commit=True).json()
    assert done.git("rev-parse", f"refs/heads/{shown['branch']}^{{tree}}").strip() == shown["tree"]
    assert done.git("rev-parse", f"refs/heads/{shown['branch']}^").strip() == shown["baseCommit"]


def test_without_a_message_the_title_is_taken(done: Reviewed) -> None:
    commit = done.post("approve", commit=True).json()["git"]["commit"]
    assert done.git("show", "-s", "--format=%s", commit).strip() == "Leave a note"


def test_a_second_commit_finds_nothing(done: Reviewed) -> None:
    done.post("approve", commit=True)
    assert done.conflict("commit") == (409, "nothing-to-commit")


def test_of_several_commits_at_once_one_is_made(done: Reviewed) -> None:
    done.post("approve")
    answers = all_at_once(4, lambda _: done.post("commit").status_code)
    assert sorted(answers) == [200, 409, 409, 409]
    assert done.run.events.filter(event_type="git_committed").count() == 1


def test_a_run_that_changed_nothing_has_nothing_to_commit(carry_out: QueueRun, api: APIClient) -> None:
    done = Reviewed(api, carry_out("Hello."))
    done.post("approve")
    assert done.conflict("commit") == (409, "nothing-to-commit")


def test_what_came_after_a_commit_is_committed_on_top(done: Reviewed) -> None:
    first = done.post("approve", commit=True).json()["git"]["commit"]
    done.edit()
    second = done.post("approve", commit=True).json()["git"]["commit"]
    assert done.git("rev-parse", f"{second}^").strip() == first


def test_a_commit_that_was_killed_before_its_recording_goes_on(done: Reviewed) -> None:
    done.post("approve")
    attempt, repository = done.attempt, open_repository(done.run.project)
    who = Identity("Anna", "anna@example.com")
    assert attempt.tree is not None
    made = commit_tree(
        repository,
        tree=attempt.tree,
        parents=[attempt.base_commit],
        author=who,
        committer=who,
        message="cut short",
        at=done.run.created_at,
    )
    with repository_lock(done.run.project):
        repository.update_ref(f"refs/heads/{attempt.branch}", made, None)
    answer = done.post("commit")
    assert (answer.status_code, answer.json()["git"]["commit"]) == (200, made)


def test_a_push_needs_a_commit(done: Reviewed) -> None:
    done.post("approve")
    assert done.conflict("push") == (409, "nothing-to-commit")


def test_a_push_needs_an_approval(done: Reviewed) -> None:
    assert done.conflict("push") == (409, "approval-required")


def test_where_pushing_is_switched_off_it_is_refused(done: Reviewed, monkeypatch: pytest.MonkeyPatch) -> None:
    done.post("approve", commit=True)
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH", "false")
    assert done.conflict("push") == (403, "push-disabled")


def test_a_push_needs_the_ability(done: Reviewed, make_api: MakeApi, user: User) -> None:
    done.post("approve", commit=True)
    done.api = make_api(user, "projects:*", "runs:control", "git:commit")
    assert done.conflict("push") == (403, "missing-ability")


def test_a_push_brings_the_branch_and_nothing_else(done: Reviewed, remote: Path) -> None:
    shown = done.post("approve", commit=True).json()
    assert done.post("push").json()["git"]["pushStatus"] == "queued"
    carry_out_push(done.attempt.pk)
    assert done.show()["git"]["pushStatus"] == "pushed"
    refs = git("for-each-ref", "--format=%(refname)", cwd=remote).split()
    assert sorted(refs) == ["refs/heads/main", f"refs/heads/{shown['branch']}"]


def test_a_push_that_is_queued_is_not_queued_again(done: Reviewed) -> None:
    done.post("approve", commit=True)
    assert [done.post("push").status_code for _ in range(2)] == [202, 202]


def test_a_pushed_commit_is_not_pushed_again(done: Reviewed) -> None:
    done.post("approve", commit=True)
    done.post("push")
    carry_out_push(done.attempt.pk)
    assert done.conflict("push") == (409, "nothing-to-commit")


def test_a_push_delivered_twice_tells_once(done: Reviewed) -> None:
    done.post("approve", commit=True)
    done.post("push")
    carry_out_push(done.attempt.pk)
    carry_out_push(done.attempt.pk)
    assert done.run.events.filter(event_type="git_pushed").count() == 1


def move_remote(done: Reviewed, remote: Path) -> str:
    """Somebody else has made the same branch in the remote."""
    branch = done.show()["branch"]
    other = git("commit-tree", "-m", "other", "main^{tree}", cwd=remote).strip()
    git("update-ref", f"refs/heads/{branch}", other, cwd=remote)
    return f"refs/heads/{branch}"


def test_a_remote_that_has_moved_is_never_overwritten(done: Reviewed, remote: Path) -> None:
    done.post("approve", commit=True)
    done.post("push")
    ref = move_remote(done, remote)
    before = git("rev-parse", ref, cwd=remote)
    carry_out_push(done.attempt.pk)
    shown = done.show()["git"]
    assert (shown["pushStatus"], git("rev-parse", ref, cwd=remote)) == ("failed", before)
    assert "never push by force" in shown["pushError"]["message"]
    assert done.run.events.filter(event_type="git_push_failed", severity="error").count() == 1


def test_a_failed_push_can_be_tried_again(done: Reviewed, remote: Path) -> None:
    done.post("approve", commit=True)
    done.post("push")
    ref = move_remote(done, remote)
    carry_out_push(done.attempt.pk)
    git("update-ref", "-d", ref, cwd=remote)
    assert done.post("push").status_code == 202
    carry_out_push(done.attempt.pk)
    assert done.show()["git"] == {**done.show()["git"], "pushStatus": "pushed", "pushError": None}


@pytest.mark.parametrize("action", ["approve", "reject", "commit"])
def test_a_run_that_is_not_over_is_not_reviewed(queue_run: QueueRun, api: APIClient, action: str) -> None:
    assert Reviewed(api, queue_run(PROMPT)).conflict(action) == (409, "run-not-reviewable")


def test_of_twenty_approvals_with_commit_at_once_one_wins(done: Reviewed) -> None:
    answers = all_at_once(20, lambda _: done.post("approve", commit=True))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 19
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {
        "nothing-to-commit",
        "workspace-busy",
    }
    assert (RunReview.objects.count(), done.run.events.filter(event_type="git_committed").count()) == (1, 1)


def test_an_approval_with_nothing_to_commit_writes_nothing(carry_out: QueueRun, api: APIClient) -> None:
    empty = Reviewed(api, carry_out("Hello."))
    assert empty.conflict("approve", commit=True) == (409, "nothing-to-commit")
    assert not RunReview.objects.exists()


def test_every_review_is_kept_with_its_notes(done: Reviewed) -> None:
    done.post("reject", notes="Not yet.")
    done.post("approve", notes="Now.")
    rows = done.api.get(f"{done.path}/reviews").json()["data"]
    assert [(row["decision"], row["notes"], row["reviewer"]) for row in rows] == [
        ("approved", "Now.", "anna@example.com"),
        ("rejected", "Not yet.", "anna@example.com"),
    ]
    assert done.api.get(f"{done.path}/reviews?attempt=2").json()["data"] == []


@pytest.mark.parametrize(("action", "body"), [("commit", {}), ("approve", {"commit": True})])
def test_a_repository_that_stays_busy_is_told_and_changes_nothing(
    done: Reviewed, monkeypatch: pytest.MonkeyPatch, action: str, body: dict[str, bool]
) -> None:
    done.post("approve")
    monkeypatch.setattr(reviews, "LOCK_WAIT_SECONDS", 0.1)
    with repository_lock(done.run.project):
        answer = done.post(action, **body)
    assert (answer.status_code, answer.json()["code"], answer["Retry-After"]) == (409, "workspace-busy", "5")
    assert (RunReview.objects.count(), done.attempt.commit) == (1, None)
