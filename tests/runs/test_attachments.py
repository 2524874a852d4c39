"""Attachments through the doors: uploaded, used by a prompt or message, read by who may, pruned; and at the agent."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.storage import default_storage
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from projects.models import Project
from projects.services.disk import measure
from runs.attached_bytes import MAX_NAME_BYTES, MAX_NAME_CHARACTERS, media_type_of, safe_name
from runs.execution.executor import execute
from runs.models import Attachment, Run
from runs.services.attachments import MOST_UNUSED, prune_unused
from tests.config.answers import pointers, problem
from tests.conftest import MakeApi, MakeUser, QueueRun
from tests.runs.conftest import QueueHostile

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on"
PATH = "/api/attachments"
MakeMember = Callable[[str], APIClient]


def post(api: APIClient, query: str, data: bytes, kind: str = "application/octet-stream", **options: Any) -> Any:
    body: Any = data
    return api.generic("POST", f"{PATH}{query}", body, content_type=kind, **options)


def upload(api: APIClient, data: bytes = PNG, name: str = "shot.png", kind: str = "application/octet-stream") -> Any:
    return post(api, f"?name={name}", data, kind)


def uploaded(api: APIClient, data: bytes = PNG, name: str = "shot.png") -> int:
    answer = upload(api, data, name)
    assert answer.status_code == 201, answer.content
    return int(answer.json()["id"])


@pytest.fixture
def as_role(project: Project, make_user: MakeUser, make_api: MakeApi) -> MakeMember:
    """The client of a new member of the project, with that role."""

    def make(role: str) -> APIClient:
        member = make_user(f"{role}@example.com")
        project.memberships.create(user=member, role=role)
        return make_api(member)

    return make


def draft(api: APIClient, project: Project, *ids: int) -> Any:
    body = {"projectId": project.pk, "title": "x", "prompt": "Look.", "attachmentIds": list(ids)}
    return api.post("/api/runs", body)


def content(api: APIClient, pk: int) -> Any:
    return api.get(api.get(f"{PATH}/{pk}").json()["contentUrl"])


def read(answer: Any) -> bytes:
    """The whole of a streamed answer."""

    async def gathered() -> bytes:
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(gathered)()


@pytest.mark.plumbing
@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0JFIF", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\x00\x01\n\x03WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7\n", "application/pdf"),
        ("Grüße\n\t\x1b[1m".encode(), "text/plain"),
        (b"<svg onload='x'>", "text/plain"),
        (b"\xff\xfe", "application/octet-stream"),
        (b"a\0b", "application/octet-stream"),
    ],
)
def test_a_type_is_what_the_bytes_say(data: bytes, media_type: str) -> None:
    assert media_type_of(data) == media_type


@pytest.mark.plumbing
@pytest.mark.parametrize(
    ("claimed", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\anna\\a b.png", "a b.png"),
        ("..", "file"),
        (".bashrc", "bashrc"),
        ("a\n\x1b[2Jb\u202e.txt", "a[2Jb.txt"),
        ("x" * 300 + ".jpeg", "x" * 95 + ".jpeg"),
        ("\N{WAVE DASH}" * 300 + ".jpeg", "\N{WAVE DASH}" * 58 + ".jpeg"),
    ],
)
def test_a_name_is_made_harmless(claimed: str, name: str) -> None:
    assert safe_name(claimed) == name


@pytest.mark.plumbing
@given(st.text(max_size=500))
def test_a_safe_name_is_one_and_stays_as_it_is(claimed: str) -> None:
    name = safe_name(claimed)
    assert 0 < len(name) <= MAX_NAME_CHARACTERS
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name.isprintable()
    assert not set(name) & set('/\\"$`')
    assert name[0] != "."
    assert safe_name(name) == name


def test_an_upload_is_kept_by_what_it_is(api: APIClient) -> None:
    answer = upload(api, name="dir/My%20shot.png", kind="text/html")
    shown = answer.json()
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{PATH}/{shown['id']}")
    expected = {"name": "My shot.png", "mediaType": "image/png", "sizeBytes": len(PNG)}
    assert {key: shown[key] for key in expected} == expected
    assert shown["sha256"] == hashlib.sha256(PNG).hexdigest()
    assert read(content(api, shown["id"])) == PNG


def test_its_content_is_given_as_a_file_and_as_nothing_else(api: APIClient) -> None:
    answer = content(api, uploaded(api, b"<script>alert(1)</script>", "a%22;b.html"))
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a;b.html"'
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == ("nosniff", "no-store")


def test_a_part_of_it_is_given_too(api: APIClient) -> None:
    url = api.get(f"{PATH}/{uploaded(api, b'0123456789', 'a.txt')}").json()["contentUrl"]
    answer = api.get(url, headers={"Range": "bytes=2-4"})
    assert (answer.status_code, read(answer)) == (206, b"234")


@pytest.mark.parametrize("query", ["", "?name=", f"?name={'x' * 501}"])
def test_an_upload_says_its_name(api: APIClient, query: str) -> None:
    answer = post(api, query, PNG)
    assert (problem(answer), answer.json()["parameter"]) == ((400, "invalid-parameter"), "name")


def test_an_empty_upload_is_refused(api: APIClient) -> None:
    assert pointers(upload(api, b"")) == {"": "blank"}
    assert not Attachment.objects.exists()


def test_the_same_upload_again_is_kept_once(api: APIClient) -> None:
    answers = [post(api, "?name=a", PNG, headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert Attachment.objects.count() == 1


def test_a_key_is_not_used_for_another_name(api: APIClient) -> None:
    post(api, "?name=a", PNG, headers={"Idempotency-Key": "k"})
    answer = post(api, "?name=b", PNG, headers={"Idempotency-Key": "k"})
    assert problem(answer) == (422, "idempotency-key-reused")


def test_so_many_may_be_unused(api: APIClient, unlimited: None) -> None:
    for number in range(MOST_UNUSED):
        uploaded(api, b"x", f"{number}.txt")
    assert problem(upload(api)) == (409, "attachments-full")


def test_an_unused_one_is_nobody_elses(api: APIClient, as_role: MakeMember, project: Project) -> None:
    pk, other = uploaded(api), as_role("owner")
    assert problem(other.get(f"{PATH}/{pk}")) == (404, "not-found")
    assert problem(other.delete(f"{PATH}/{pk}")) == (404, "not-found")
    assert pointers(draft(other, project, pk)) == {"/attachmentIds/0": "does-not-exist"}
    assert not Run.objects.exists()


def test_a_used_one_is_seen_by_who_sees_the_run(
    api: APIClient, as_role: MakeMember, stranger: APIClient, project: Project
) -> None:
    pk = uploaded(api)
    draft(api, project, pk)
    assert read(content(as_role("viewer"), pk)) == PNG
    assert problem(stranger.get(f"{PATH}/{pk}")) == (404, "not-found")


def test_an_address_ends_with_the_access(api: APIClient, as_role: MakeMember, project: Project) -> None:
    pk = uploaded(api)
    draft(api, project, pk)
    url = as_role("viewer").get(f"{PATH}/{pk}").json()["contentUrl"]
    project.memberships.filter(role="viewer").delete()
    assert problem(api.get(url)) == (403, "invalid-signature")


def test_a_run_shows_its_attachments_in_their_order(api: APIClient, project: Project) -> None:
    ids = [uploaded(api, b"a", "a.txt"), uploaded(api)]
    run = draft(api, project, *reversed(ids)).json()
    assert [(each["id"], each["name"]) for each in run["attachments"]] == [(ids[1], "shot.png"), (ids[0], "a.txt")]
    assert api.get(f"/api/runs/{run['id']}").json()["attachments"] == run["attachments"]


def test_a_draft_gets_others_and_lets_its_own_go(api: APIClient, project: Project) -> None:
    first, second, third = (uploaded(api, b"x", f"{name}.txt") for name in "abc")
    run = draft(api, project, first, second).json()
    changed = api.put(f"/api/runs/{run['id']}", {"attachmentIds": [third, second]}).json()
    assert [each["id"] for each in changed["attachments"]] == [third, second]
    assert draft(api, project, first).status_code == 201


def test_a_draft_without_the_member_keeps_its_own(api: APIClient, project: Project) -> None:
    run = draft(api, project, uploaded(api)).json()
    assert api.put(f"/api/runs/{run['id']}", {"title": "New"}).json()["attachments"] == run["attachments"]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([0], {"/attachmentIds/0": "min-value"}),
        (["1"], {"/attachmentIds/0": "wrong-type"}),
        ([True], {"/attachmentIds/0": "wrong-type"}),
        ("1", {"/attachmentIds": "not-a-list"}),
        (None, {"/attachmentIds": "null"}),
        ([7, 7], {"/attachmentIds": "duplicate"}),
        (list(range(1, 12)), {"/attachmentIds": "max-length"}),
        ([2**63], {"/attachmentIds/0": "max-value"}),
        ([999], {"/attachmentIds/0": "does-not-exist"}),
    ],
)
def test_what_are_no_attachments_makes_no_run(
    api: APIClient, project: Project, ids: Any, expected: dict[str, str]
) -> None:
    body = {"projectId": project.pk, "title": "x", "prompt": "x", "attachmentIds": ids}
    assert pointers(api.post("/api/runs", body)) == expected
    assert not Run.objects.exists()


def test_one_is_used_once(api: APIClient, project: Project) -> None:
    pk = uploaded(api)
    run = draft(api, project, pk).json()
    assert pointers(draft(api, project, pk)) == {"/attachmentIds/0": "does-not-exist"}
    assert pointers(api.put(f"/api/runs/{run['id']}", {"attachmentIds": [pk, 999]})) == {
        "/attachmentIds/1": "does-not-exist"
    }
    assert [each["id"] for each in api.get(f"/api/runs/{run['id']}").json()["attachments"]] == [pk]


def test_an_unused_one_is_deleted_and_a_used_one_is_not(api: APIClient, project: Project) -> None:
    unused, used = uploaded(api), uploaded(api)
    files = {each.pk: str(each.file.name) for each in Attachment.objects.all()}
    draft(api, project, used)
    assert api.delete(f"{PATH}/{unused}").status_code == 204
    assert problem(api.delete(f"{PATH}/{used}")) == (409, "attachment-in-use")
    assert [default_storage.exists(files[pk]) for pk in (unused, used)] == [False, True]


def test_what_nobody_uses_goes_after_a_day_with_its_file(api: APIClient, project: Project) -> None:
    old, new, used = uploaded(api), uploaded(api), uploaded(api)
    files = {each.pk: str(each.file.name) for each in Attachment.objects.all()}
    deleted = draft(api, project, used).json()["id"]
    Attachment.objects.filter(pk__in=[old, used]).update(created_at=timezone.now() - timedelta(days=2))
    assert prune_unused() == 1
    api.delete(f"/api/runs/{deleted}")
    assert prune_unused() == 1
    assert [each.pk for each in Attachment.objects.all()] == [new]
    assert [default_storage.exists(files[pk]) for pk in (old, new, used)] == [False, True, False]


def test_a_file_whose_writer_was_killed_goes_too(api: APIClient, user: Any) -> None:
    old = timezone.now() - timedelta(days=2)
    Attachment.objects.create(name="x", size_bytes=1, file="attachments/none", created_by=user, created_at=old)
    assert prune_unused() == 1


def test_they_count_in_the_projects_disk(api: APIClient, project: Project) -> None:
    before = measure(project)
    draft(api, project, uploaded(api))
    assert measure(project) - before == len(PNG)


@pytest.mark.django_db(transaction=True)
def test_the_agent_finds_them_in_its_home_and_the_diff_does_not_have_them(
    api: APIClient, cloned: Project, work_off: Any
) -> None:
    ids = [uploaded(api), uploaded(api, b"hello\n", "my notes.txt")]
    prompt = '```sh\ncat "$HOME"/attachments/*notes.txt; stat -c %a "$HOME"/attachments/*\n```\n'
    body = {"projectId": cloned.pk, "title": "x", "prompt": prompt, "safeMode": False, "start": True}
    run = Run.objects.get(pk=api.post("/api/runs", {**body, "attachmentIds": ids}).json()["id"])
    work_off()
    with run.commands.get().stdout.open() as stdout:
        assert stdout.read() == b"hello\n400\n400\n"
    assert api.get(f"/api/runs/{run.pk}/files").json()["data"] == []


TELLS = """
answer({"protocolVersion": 1, "agentCapabilities": {"promptCapabilities": %s, "loadSession": %s}})
asked = answer({"sessionId": "s"})
asked = read()
with open(os.environ["HOME"] + "/asked.jsonl", "a") as file:
    file.write(json.dumps(asked["params"]["prompt"]) + "\\n")
end(asked["id"])
"""
TAKES_ALL = TELLS % ('{"image": True, "embeddedContext": True}', "True")


def asked(run: Run) -> list[Any]:
    """The content of each prompt that the agent was given."""
    execute(run.pk)
    run.refresh_from_db()
    assert run.status == "completed", run.error
    lines = (home(run) / "asked.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def home(run: Run) -> Any:
    workspace = run.attempts.get().workspace
    assert workspace is not None
    return workspace.agent_home_path


def queued(api: APIClient, queue_hostile: QueueHostile, body: str) -> tuple[Run, list[int]]:
    """A run of an agent that keeps what it is told, with an image, a text and a long one."""
    ids = [uploaded(api), uploaded(api, b"hello", "a.txt"), uploaded(api, b"x" * 70_000, "long.txt")]
    return queue_hostile(body, prompt="Look.", attachment_ids=ids), ids


@pytest.mark.django_db(transaction=True)
def test_an_agent_that_takes_them_has_them_in_its_prompt(api: APIClient, queue_hostile: QueueHostile) -> None:
    run, (image, text, long) = queued(api, queue_hostile, TAKES_ALL)
    [prompt] = asked(run)
    folder = home(run) / "attachments"
    assert prompt[0]["text"].splitlines() == [
        *("Look.", "", "Attached files, which you can read at these paths:"),
        f"- {folder}/{image}-shot.png (image/png, {len(PNG)} bytes)",
        f"- {folder}/{text}-a.txt (text/plain, 5 bytes)",
        f"- {folder}/{long}-long.txt (text/plain, 70000 bytes)",
    ]
    assert prompt[1] == {"type": "image", "data": base64.b64encode(PNG).decode(), "mimeType": "image/png"}
    resource = {"uri": f"file://{folder}/{text}-a.txt", "text": "hello", "mimeType": "text/plain"}
    assert prompt[2:] == [{"type": "resource", "resource": resource}]


@pytest.mark.django_db(transaction=True)
def test_an_agent_that_takes_none_is_told_where_they_are(api: APIClient, queue_hostile: QueueHostile) -> None:
    run, _ = queued(api, queue_hostile, TELLS % ("{}", "True"))
    [prompt] = asked(run)
    assert [block["type"] for block in prompt] == ["text"]
    assert "-shot.png (image/png" in prompt[0]["text"]


@pytest.mark.django_db(transaction=True)
def test_a_message_has_its_own_and_a_recap_names_the_former(api: APIClient, queue_hostile: QueueHostile) -> None:
    run, (image, *_) = queued(api, queue_hostile, TELLS % ("{}", "False"))
    asked(run)
    pk = uploaded(api, b"more", "more.txt")
    answer = api.post(f"/api/runs/{run.pk}/messages", {"text": "And this.", "attachmentIds": [pk]})
    assert answer.status_code == 202
    [row] = api.get(f"/api/runs/{run.pk}/messages").json()["data"]
    assert [each["name"] for each in row["attachments"]] == ["more.txt"]
    event = json.loads("{" + run.events.get(event_type="user_message").body)
    assert event["data"]["attachments"] == [{"id": pk, "name": "more.txt"}]
    [text] = [block["text"] for block in asked(run)[-1]]
    assert f"Attached: ~/attachments/{image}-shot.png" in text
    assert text.endswith(f"- {home(run)}/attachments/{pk}-more.txt (text/plain, 4 bytes)")


@pytest.mark.django_db(transaction=True)
def test_a_message_that_is_refused_takes_none(api: APIClient, run: Run) -> None:
    pk = uploaded(api)
    assert problem(api.post(f"/api/runs/{run.pk}/messages", {"text": "x", "attachmentIds": [pk]}))[0] == 409
    assert Attachment.objects.get().run_id is None


@pytest.mark.django_db(transaction=True)
def test_a_lost_file_is_left_out(api: APIClient, queue_hostile: QueueHostile, queue_run: QueueRun) -> None:
    run, (image, *_) = queued(api, queue_hostile, TAKES_ALL)
    default_storage.delete(str(Attachment.objects.get(pk=image).file.name))
    [prompt] = asked(run)
    assert "shot.png" not in json.dumps(prompt)
