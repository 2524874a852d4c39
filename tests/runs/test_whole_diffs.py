"""Diffs of any size: for display they are cut and say so, as text/x-diff they come whole and are never gathered."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from rest_framework.test import APIClient

from accounts.models import User
from accounts.services import issue_token
from projects.git import changes
from runs import queries
from runs.diffs import MAX_DISPLAY_BYTES
from runs.models import Run
from tests.conftest import QueueRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
LARGE = "```sh\nseq 400000 > large.txt; echo small > small.txt\n```"
Get = Callable[..., Any]


@pytest.fixture
def large(carry_out_once: QueueRun) -> Run:
    return carry_out_once(LARGE)


@pytest.fixture
def get(user: User) -> Get:
    """Fetches a diff as the web server would; the answer's bytes are in `body`."""
    _, token = issue_token(user, ["projects:read"])

    async def fetch(path: str, method: str = "get", **headers: str) -> Any:
        named = {"Authorization": f"Bearer {token}", "Accept": "text/x-diff", **headers}
        answer: Any = await getattr(AsyncClient(), method)(path, headers=named)
        parts = [part async for part in answer.streaming_content] if answer.streaming else [answer.content]
        answer.body = b"".join(parts)
        return answer

    return async_to_sync(fetch)


def file_id(api: APIClient, run: Run, path: str) -> int:
    rows = api.get(f"/api/runs/{run.pk}/files").json()["data"]
    found: int = next(row["id"] for row in rows if row["path"] == path)
    return found


def test_a_large_diff_is_streamed_whole(large: Run, get: Get) -> None:
    answer = get(f"/api/runs/{large.pk}/diff")
    assert (answer.streaming, answer["Content-Type"]) == (True, "text/x-diff")
    assert answer.body.endswith(b"+small\n")
    assert answer.body.count(b"\n+") > 400_000


def test_a_streamed_diff_is_known_by_its_tag(large: Run, get: Get) -> None:
    path = f"/api/runs/{large.pk}/diff"
    tag = get(path)["ETag"]
    again = get(path, **{"If-None-Match": tag})
    assert (again.status_code, again.body) == (304, b"")


def test_a_files_diff_is_cut_at_a_line_and_says_so(large: Run, api: APIClient) -> None:
    shown = api.get(f"/api/runs/{large.pk}/files/{file_id(api, large, 'large.txt')}").json()
    assert (shown["truncated"], shown["lossy"]) == (True, False)
    assert MAX_DISPLAY_BYTES - 100 < len(shown["diff"]) <= MAX_DISPLAY_BYTES
    assert shown["diff"].endswith("\n")


def test_a_files_diff_comes_whole_as_text(large: Run, api: APIClient, get: Get) -> None:
    answer = get(f"/api/runs/{large.pk}/files/{file_id(api, large, 'large.txt')}")
    assert answer.body.endswith(b"+400000\n")
    assert b"small.txt" not in answer.body


def test_a_file_whose_name_is_no_text_has_its_diff(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out("```sh\nprintf 'odd\\377\\n' > \"$(printf 'n\\377me')\"\n```")
    file = file_id(api, run, "n\ufffdme")
    shown = api.get(f"/api/runs/{run.pk}/files/{file}").json()
    assert "+odd\ufffd" in shown["diff"]
    assert (shown["truncated"], shown["lossy"]) == (False, True)


def test_a_file_is_found_in_its_own_attempt_only(api: APIClient, carry_out: QueueRun) -> None:
    run = carry_out("```file a.txt\na\n```\n")
    path = f"/api/runs/{run.pk}/files/{file_id(api, run, 'a.txt')}"

    assert [api.get(path, {"attempt": number}).status_code for number in ("1", "2", "x")] == [200, 404, 400]


def test_a_very_large_file_is_left_out_of_what_is_shown(api: APIClient, carry_out: QueueRun) -> None:
    run = carry_out("```sh\ntruncate -s 65M '*large\n'; echo small > small.txt\n```")
    shown = api.get(f"/api/runs/{run.pk}/diff").json()
    assert ("large" in shown["diff"], "+small" in shown["diff"], shown["truncated"]) == (False, True, True)
    assert shown["stats"]["files"] == 2
    file = api.get(f"/api/runs/{run.pk}/files/{file_id(api, run, '*large' + chr(10))}").json()
    assert (file["diff"], file["truncated"], file["sizeBytes"]) == ("", True, 65 * 1024 * 1024)


def test_a_file_that_was_very_large_is_left_out_too(
    api: APIClient, carry_out: QueueRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "LARGE_BYTES", 4)
    monkeypatch.setattr(changes, "LARGE_BYTES", 4)
    run = carry_out("```sh\nprintf '\\0' > app.py\n```")
    shown = api.get(f"/api/runs/{run.pk}/diff").json()
    assert (shown["diff"], shown["truncated"]) == ("", True)
