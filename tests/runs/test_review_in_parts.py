"""An approval that leaves files or hunks out: the rest is committed and pushed, what is left out stays where it is."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from projects.workspaces import open_repository
from runs.execution.executor import execute
from runs.models import Run, RunAttempt, RunReview
from runs.services.publishing import carry_out_push
from tests.conftest import QueueRun, all_at_once, git

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
LINES = [f"line {number % 3}\n" for number in range(40)]
CHANGES = """```sh
sed -i -e '3s/.*/first/' -e '30s/.*/second/' long.txt
echo hello > -note.txt
printf '\\0\\1' > binary
rm app.py
```"""


class Parts:
    """A completed run that changed `long.txt` in two places, made two files and deleted one; and its doors."""

    def __init__(self, api: APIClient, run: Run) -> None:
        self.api, self.run, self.path = api, run, f"/api/runs/{run.pk}"

    def get(self, place: str = "") -> Any:
        return self.api.get(f"{self.path}{place}").json()

    def approve(self, *rejected: dict[str, Any], **body: Any) -> Any:
        return self.api.post(f"{self.path}/approve", {"tree": self.get()["tree"], "rejected": rejected, **body})

    def commit(self, *rejected: dict[str, Any]) -> dict[str, str]:
        """Approves and commits, and gives the commit's files."""
        answer = self.approve(*rejected, commit=True)
        assert answer.status_code == 200, answer.json()
        return self.files(answer.json()["git"]["commit"])

    def files(self, commit: str) -> dict[str, str]:
        repository = open_repository(self.run.project)
        names = repository.run(["ls-tree", "-r", "-z", "--name-only", commit]).decode().split("\0")[:-1]
        return {name: repository.run(["cat-file", "blob", f"{commit}:{name}"]).decode() for name in names}

    def detail(self, path: str) -> dict[str, Any]:
        number = next(row["id"] for row in self.get("/files")["data"] if row["path"] == path)
        found: dict[str, Any] = self.get(f"/files/{number}")
        return found

    def hunks(self, path: str) -> list[str]:
        return [hunk["id"] for hunk in self.detail(path)["hunks"]]

    @property
    def work_tree(self) -> Path:
        workspace = RunAttempt.objects.select_related("workspace__project").get().workspace
        assert workspace is not None
        return workspace.work_tree_path


@pytest.fixture(scope="module")
def sample(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with a file that is long enough for two hunks."""
    folder = shutil.copytree(sample, tmp_path_factory.mktemp("long") / "sample", symlinks=True)
    origin = folder / "origin"
    (origin / "long.txt").write_text("".join(LINES))
    git("add", ".", cwd=origin)
    git("commit", "-q", "-m", "Second", cwd=origin)
    git("push", "-q", folder / "remote.git", "main", cwd=origin)
    return folder


@pytest.fixture
def done(api: APIClient, carry_out_once: QueueRun) -> Parts:
    run = carry_out_once(CHANGES)
    assert run.status == "completed", run.error
    return Parts(api, run)


NOTE = {"path": "-note.txt"}
OTHERS = [{"path": "binary"}, {"path": "app.py"}]


def test_a_file_that_is_left_out_is_not_committed_and_stays_in_the_work_tree(done: Parts) -> None:
    committed = done.commit(NOTE, *OTHERS)
    assert sorted(committed) == ["README.md", "app.py", "long.txt"]
    assert ((done.work_tree / "-note.txt").read_text(), (done.work_tree / "app.py").exists()) == ("hello\n", False)


def test_the_diff_goes_on_showing_what_was_left_out(done: Parts) -> None:
    before = done.get("/diff")
    done.commit(NOTE, *OTHERS)
    assert done.get("/diff") == before


def test_the_diff_of_what_is_accepted_is_shown_before_its_commit(done: Parts) -> None:
    done.approve(NOTE, {"path": "long.txt", "hunks": done.hunks("long.txt")[:1]})
    shown = done.get("/diff?accepted=true")
    assert (shown["tree"], shown["stats"]["files"]) == (done.get()["review"]["acceptedTree"], 3)
    assert ("+second" in shown["diff"], "+first" in shown["diff"], "-note.txt" in shown["diff"]) == (True, False, False)
    whole = done.api.get(f"{done.path}/diff?accepted=true", headers={"Accept": "text/x-diff"})
    assert whole.content.decode() == shown["diff"]


def test_without_an_approval_nothing_is_accepted(done: Parts) -> None:
    answers = [done.api.get(f"{done.path}/diff?accepted={text}") for text in ("true", "yes")]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (409, "approval-required"),
        (400, "invalid-parameter"),
    ]


def test_the_preview_of_a_push_tells_what_was_left_out(done: Parts) -> None:
    done.commit(NOTE, {"path": "long.txt", "hunks": done.hunks("long.txt")[:1]})
    shown = done.get("/push-preview")
    assert [(file["path"], file["changeType"]) for file in shown["leftOut"]] == [
        ("-note.txt", "created"),
        ("long.txt", "updated"),
    ]
    assert "-note.txt" not in [file["path"] for file in shown["files"]]


def test_a_hunk_that_is_left_out_is_not_committed(done: Parts) -> None:
    first, _ = done.hunks("long.txt")
    committed = done.commit({"path": "long.txt", "hunks": [first]})
    assert committed["long.txt"] == "".join([*LINES[:29], "second\n", *LINES[30:]])
    assert (done.work_tree / "long.txt").read_text().startswith("line 0\nline 1\nfirst\n")


def test_a_files_hunks_are_told_with_the_tree_that_they_are_of(done: Parts) -> None:
    shown = done.detail("long.txt")
    numbers = [[hunk[name] for name in ("oldStart", "oldLines", "newStart", "newLines")] for hunk in shown["hunks"]]
    assert (numbers, shown["indivisible"]) == ([[1, 6, 1, 6], [27, 7, 27, 7]], None)
    assert shown["tree"] == done.get()["tree"]
    assert [done.detail("binary")[name] for name in ("hunks", "indivisible")] == [[], "binary"]


def test_a_review_tells_what_it_leaves_out(done: Parts) -> None:
    [_, second] = done.detail("long.txt")["hunks"]
    tree = done.get()["tree"]
    review = done.approve(NOTE, {"path": "long.txt", "hunks": [second["id"]]}).json()["review"]
    assert (review["tree"], review["rejectedFiles"], review["rejectedHunks"]) == (tree, 1, 1)
    [row] = done.get("/reviews")["data"]
    assert (row["tree"], row["acceptedTree"]) == (tree, review["acceptedTree"])
    assert review["acceptedTree"] != tree
    assert row["rejected"] == [
        {"path": "-note.txt", "oldPath": None, "changeType": "created", "hunks": None},
        {"path": "long.txt", "oldPath": None, "changeType": "updated", "hunks": [second]},
    ]


def test_the_log_tells_that_an_approval_was_in_part(done: Parts) -> None:
    done.approve(NOTE)
    event = done.get("/events?eventTypes=review_submitted")["data"][0]
    assert event["message"] == "Run approved, in part by Anna."
    assert (event["data"]["rejectedFiles"], event["data"]["acceptedTree"]) == (1, done.get()["review"]["acceptedTree"])


def test_an_approval_of_all_accepts_the_tree_itself_and_a_rejection_nothing(done: Parts) -> None:
    review = done.approve().json()["review"]
    assert (review["acceptedTree"], review["rejectedFiles"]) == (review["tree"], 0)
    assert done.api.post(f"{done.path}/reject", {}).json()["review"]["acceptedTree"] is None


UNFIT: list[tuple[list[dict[str, Any]], str, str]] = [
    ([{"path": "nowhere"}], "/rejected/0/path", "does-not-exist"),
    ([{"path": "README.md"}], "/rejected/0/path", "does-not-exist"),
    ([NOTE, {"path": "long.txt", "hunks": ["0" * 16]}], "/rejected/1/hunks/0", "does-not-exist"),
    ([{"path": "binary", "hunks": ["0" * 16]}], "/rejected/0/hunks", "binary"),
    ([NOTE, NOTE], "/rejected/1/path", "duplicate"),
    ([NOTE, *OTHERS, {"path": "long.txt"}], "/rejected", "nothing-left"),
    ([{"path": "long.txt", "hunks": []}], "/rejected/0/hunks", "empty"),
    ([{"path": "long.txt", "hunk": ["0" * 16]}], "/rejected/0/hunk", "unknown-member"),
]


def test_parts_that_do_not_fit_are_refused_and_nothing_is_written(done: Parts) -> None:
    answers = [done.approve(*rejected, commit=True) for rejected, _, _ in UNFIT]
    assert {answer.status_code for answer in answers} == {422}
    errors = [error for answer in answers for error in answer.json()["errors"]]
    assert [(error["pointer"], error["code"]) for error in errors] == [(pointer, code) for _, pointer, code in UNFIT]
    assert (RunReview.objects.count(), done.get()["git"]) == (0, None)


def test_parts_are_looked_for_in_the_tree_that_was_named(done: Parts) -> None:
    answer = done.api.post(f"{done.path}/approve", {"rejected": [NOTE]})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/tree")
    answer = done.approve({"path": "nowhere"}, tree="0" * 40)
    assert (answer.status_code, answer.json()["code"]) == (409, "tree-changed")


def test_an_edit_makes_an_approval_in_part_stale(done: Parts) -> None:
    done.approve(NOTE)
    (done.work_tree / "later.txt").touch()
    answer = done.api.post(f"{done.path}/commit", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "approval-stale")


def test_a_push_brings_the_accepted_parts_only(done: Parts, remote: Path) -> None:
    done.approve(NOTE)
    shown = done.api.post(f"{done.path}/commit", {}).json()
    assert "push" in shown["allowedActions"]
    assert done.api.post(f"{done.path}/push", {}).status_code == 202
    carry_out_push(RunAttempt.objects.get().pk)
    assert done.get()["git"]["pushStatus"] == "pushed"
    assert git("ls-tree", "--name-only", shown["branch"], cwd=remote).split() == ["README.md", "binary", "long.txt"]


def test_a_commit_of_fewer_parts_than_were_approved_last_is_not_pushed(done: Parts) -> None:
    done.commit(NOTE)
    assert done.approve().json()["allowedActions"] == ["messages", "approve", "reject", "commit"]
    answer = done.api.post(f"{done.path}/push", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-commit")


def test_what_was_left_out_can_be_committed_later_on_top(done: Parts) -> None:
    first = done.approve(NOTE, commit=True).json()["git"]["commit"]
    second = done.approve(commit=True).json()["git"]["commit"]
    repository = open_repository(done.run.project)
    assert repository.read_commit(second).parents == (first,)
    assert repository.run(["diff", "--name-only", first, second]).decode() == "-note.txt\n"


def test_a_later_approval_can_take_back_what_was_committed(done: Parts) -> None:
    assert "-note.txt" in done.commit()
    assert "-note.txt" not in done.commit(NOTE)


def test_the_same_parts_are_not_committed_twice(done: Parts) -> None:
    done.commit(NOTE)
    answer = done.approve(NOTE, commit=True)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing-to-commit")


def test_a_follow_up_goes_on_from_the_whole_tree(done: Parts) -> None:
    done.commit(NOTE)
    done.api.post(f"{done.path}/messages", {"text": "```sh\ncat -- -note.txt > copy.txt\n```"})
    execute(done.run.pk)
    assert done.get()["review"]["stale"] is True
    assert {"-note.txt", "copy.txt"} <= {row["path"] for row in done.get("/files")["data"]}


def test_of_several_approvals_in_part_at_once_one_is_committed(done: Parts) -> None:
    tree = done.get()["tree"]
    answers = all_at_once(6, lambda _: done.approve(NOTE, commit=True, tree=tree).status_code)
    assert sorted(answers) == [200, *[409] * 5]
    assert (RunReview.objects.count(), done.run.events.filter(event_type="git_committed").count()) == (1, 1)


def test_names_that_are_no_text_go_by_what_is_shown_and_none_is_guessed(api: APIClient, carry_out: QueueRun) -> None:
    run = Parts(
        api, carry_out("```sh\nfor name in 'a\\377' 'a\\376' 'b\\377'; do touch \"$(printf $name)\"; done\n```")
    )
    assert run.approve({"path": "b\ufffd"}).json()["review"]["rejectedFiles"] == 1
    answer = run.approve({"path": "a\ufffd"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "ambiguous")


def test_a_file_cannot_come_back_where_a_folder_stays(api: APIClient, carry_out: QueueRun) -> None:
    run = Parts(api, carry_out("```sh\nrm app.py; mkdir app.py; echo x > app.py/x\n```"))
    answer = run.approve({"path": "app.py"})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (422, "/rejected/0/path", "in-the-way")
    assert "app.py/x" in error["detail"]


def test_the_console_shows_what_was_left_out(done: Parts, user: User) -> None:
    done.approve(NOTE)
    User.objects.filter(pk=user.pk).update(is_staff=True, is_superuser=True)
    console = Client()
    console.force_login(User.objects.get(pk=user.pk))
    page = console.get(f"/admin/runs/runreview/{RunReview.objects.get().pk}/change/").content.decode()
    assert "-note.txt" in page
    assert console.get("/admin/runs/runreview/").status_code == 200
