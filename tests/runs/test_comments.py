"""Comments on lines reach the agent as one follow-up that quotes what they are about."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from runs.models import Run, RunMessage
from tests.conftest import QueueRun

pytestmark = pytest.mark.django_db(transaction=True)
CHANGES = "```sh\nprintf 'one\\ntwo\\nthree\\n' > made.txt; echo changed > app.py; ln -s app.py link\n```"


@pytest.fixture
def done(carry_out_once: QueueRun) -> Run:
    return carry_out_once(CHANGES)


def send(api: APIClient, run: Run, *comments: dict[str, Any], **body: Any) -> Any:
    return api.post(f"/api/runs/{run.pk}/comments", {"comments": list(comments), **body})


def test_comments_are_one_message_with_the_lines(api: APIClient, done: Run) -> None:
    first = {"path": "made.txt", "line": 2, "endLine": 3, "text": "Why?"}
    second = {"path": "app.py", "line": 1, "side": "old", "text": "Keep this."}
    answer = send(api, done, first, second, text="Please look:", tree=api.get(f"/api/runs/{done.pk}").json()["tree"])
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert RunMessage.objects.get().text == (
        "Please look:\n\nmade.txt:2-3\n> two\n> three\nWhy?\n\n"
        "app.py:1 (as it was before)\n> print('hello')\nKeep this."
    )


def test_comments_on_another_tree_are_not_sent(api: APIClient, done: Run) -> None:
    answer = send(api, done, {"path": "made.txt", "line": 1, "text": "x"}, tree="0" * 40)
    assert (answer.status_code, answer.json()["code"]) == (409, "tree-changed")
    assert not RunMessage.objects.exists()


@pytest.mark.parametrize(
    ("comment", "pointer"),
    [
        ({"path": "made.txt", "line": 4}, "/comments/1/line"),
        ({"path": "made.txt", "line": 2, "endLine": 1}, "/comments/1/endLine"),
        ({"path": "../app.py", "line": 1}, "/comments/1/path"),
        ({"path": "link", "line": 1}, "/comments/1/path"),
    ],
)
def test_a_comment_that_fits_nowhere_sends_nothing(
    api: APIClient, done: Run, comment: dict[str, Any], pointer: str
) -> None:
    good = {"path": "made.txt", "line": 1, "text": "x"}
    answer = send(api, done, good, {**comment, "text": "y"})
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)
    assert not RunMessage.objects.exists()


def test_a_draft_takes_no_comments(api: APIClient, run: Run) -> None:
    answer = send(api, run, {"path": "made.txt", "line": 1, "text": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "run-not-messageable")
