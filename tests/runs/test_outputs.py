"""The kept outputs of commands and their signed addresses."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.base import ContentFile
from django.test import AsyncClient
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from projects.models import Membership
from runs.blobs import sign
from runs.models import CommandExecution, Run
from tests.conftest import MakeApi, MakeUser, QueueRun

OUTPUT = b"one\ntwo\n\xff\x00end"


@pytest.fixture
def command(run: Run) -> CommandExecution:
    made = CommandExecution(run=run, attempt=1, tool_call_id="1", command="make", started_at=timezone.now())
    made.stdout_bytes = len(OUTPUT)
    made.stdout.save("out", ContentFile(OUTPUT), save=True)
    return made


@pytest.fixture
def address(api: APIClient, command: CommandExecution) -> str:
    path = f"/api/runs/{command.run_id}/commands/{command.pk}"
    url: str = api.get(path).json()["stdoutUrl"]
    return url.removeprefix("http://testserver")


Fetch = Callable[..., Any]


@pytest.fixture
def fetch() -> Fetch:
    """Fetches without a token; the answer's body is in `body`."""

    async def get(path: str, method: str = "get", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer: Any = await getattr(AsyncClient(), method)(path, headers=named)
        parts = [part async for part in answer.streaming_content] if answer.streaming else [answer.content]
        answer.body = b"".join(parts)
        return answer

    return async_to_sync(get)


@pytest.mark.django_db
class TestAddress:
    def test_it_needs_no_token(self, fetch: Fetch, address: str) -> None:
        answer = fetch(address)
        assert (answer.status_code, answer.body) == (200, OUTPUT)

    def test_it_is_served_as_an_attachment_that_no_browser_sniffs(self, fetch: Fetch, address: str) -> None:
        headers = fetch(address).headers
        assert headers["Content-Type"].startswith("text/plain")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Disposition"].startswith("attachment")
        assert headers["Referrer-Policy"] == "no-referrer"

    @pytest.mark.parametrize(
        ("asked", "given"),
        [
            ("bytes=0-2", OUTPUT[:3]),
            ("bytes=4-", OUTPUT[4:]),
            ("bytes=-3", OUTPUT[-3:]),
            ("bytes=2-999", OUTPUT[2:]),
            ("bytes=0-0", OUTPUT[:1]),
            ("bytes=-999", OUTPUT),
            ("Bytes=0-2", OUTPUT[:3]),
        ],
    )
    def test_a_range_gives_that_part(self, fetch: Fetch, address: str, asked: str, given: bytes) -> None:
        answer = fetch(address, range=asked)
        assert (answer.status_code, answer.body) == (206, given)
        assert int(answer["Content-Length"]) == len(given)
        first = OUTPUT.index(given)
        assert answer["Content-Range"] == f"bytes {first}-{first + len(given) - 1}/{len(OUTPUT)}"

    @pytest.mark.parametrize("asked", ["bytes=99-", f"bytes={len(OUTPUT)}-", "bytes=-0", "bytes=99-999"])
    def test_a_range_past_the_end_cannot_be_satisfied(self, fetch: Fetch, address: str, asked: str) -> None:
        answer = fetch(address, range=asked)
        assert (answer.status_code, answer["Content-Range"]) == (416, f"bytes */{len(OUTPUT)}")

    @pytest.mark.parametrize(
        "asked", ["lines=1-2", "bytes=0-1,3-4", "bytes=-", "bytes=a-b", "bytes=3-1", "bytes=0", ""]
    )
    def test_a_range_that_is_not_understood_gives_everything(self, fetch: Fetch, address: str, asked: str) -> None:
        answer = fetch(address, range=asked)
        assert (answer.status_code, answer.body, answer["Accept-Ranges"]) == (200, OUTPUT, "bytes")

    def test_the_rest_is_given_to_who_has_the_beginning(self, fetch: Fetch, address: str) -> None:
        tag = fetch(address)["ETag"]
        answer = fetch(address, range="bytes=4-", if_range=tag)
        assert (answer.status_code, answer.body) == (206, OUTPUT[4:])

    @pytest.mark.parametrize("known", ['"other"', "Tue, 24 Nov 2026 08:00:00 GMT", 'W/"1"'])
    def test_everything_is_given_to_who_has_the_beginning_of_another(
        self, fetch: Fetch, address: str, known: str
    ) -> None:
        answer = fetch(address, range="bytes=4-", if_range=known)
        assert (answer.status_code, answer.body) == (200, OUTPUT)

    def test_its_size_is_told_without_it(self, fetch: Fetch, address: str) -> None:
        answer = fetch(address, "head", range="bytes=0-2")
        assert (answer.status_code, answer.body, answer["Content-Length"]) == (200, b"", str(len(OUTPUT)))

    @pytest.mark.parametrize("method", ["post", "put", "delete", "patch", "options"])
    def test_it_can_only_be_read(self, fetch: Fetch, address: str, method: str) -> None:
        answer = fetch(address, method)
        assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")

    def test_no_copy_of_it_is_kept_on_the_way(self, fetch: Fetch, address: str) -> None:
        assert fetch(address)["Cache-Control"] == "no-store"

    def test_of_one_that_is_gone_it_says_so(self, fetch: Fetch, address: str, command: CommandExecution) -> None:
        Path(command.stdout.path).unlink()
        answer = fetch(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")

    def test_of_one_that_is_no_longer_kept_it_says_so(
        self, fetch: Fetch, address: str, command: CommandExecution
    ) -> None:
        CommandExecution.objects.update(stdout="")
        assert fetch(address).status_code == 404

    @pytest.mark.parametrize("name", ["../../../../../../etc/passwd", "/etc/passwd"])
    def test_it_leads_to_no_file_outside_of_the_outputs(
        self, fetch: Fetch, address: str, command: CommandExecution, name: str
    ) -> None:
        CommandExecution.objects.update(stdout=name)
        assert fetch(address).status_code == 404

    def test_it_is_of_one_output_only(self, fetch: Fetch, command: CommandExecution, user: User) -> None:
        other = CommandExecution.objects.create(
            run=command.run, attempt=1, tool_call_id="2", command="x", started_at=timezone.now()
        )
        one, another = (sign(user, each, "stdout").split(":") for each in (command, other))
        mixed = ":".join([another[0], *one[1:]])
        assert fetch(f"/api/blobs/{mixed}").status_code == 403

    def test_it_is_good_for_ten_minutes(self, fetch: Fetch, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        later = time.time() + 590
        monkeypatch.setattr("django.core.signing.time.time", lambda: later)
        assert fetch(address).status_code == 200

    @pytest.mark.parametrize(
        "change", [lambda text: text[:-2] + "xx", lambda text: text.replace(":", ";"), lambda text: "x"]
    )
    def test_a_forged_one_is_refused(self, fetch: Fetch, address: str, change: Callable[[str], str]) -> None:
        folder, _, signature = address.rpartition("/")
        answer = fetch(f"{folder}/{change(signature)}")
        assert (answer.status_code, answer.json()["code"]) == (403, "invalid-signature")

    def test_an_expired_one_is_refused(self, fetch: Fetch, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
        later = time.time() + 601
        monkeypatch.setattr("django.core.signing.time.time", lambda: later)
        assert fetch(address).status_code == 403

    def test_one_of_somebody_who_left_the_project_is_refused(self, fetch: Fetch, address: str, user: User) -> None:
        Membership.objects.filter(user=user).delete()
        assert fetch(address).status_code == 403

    def test_one_of_a_disabled_user_is_refused(self, fetch: Fetch, address: str, user: User) -> None:
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert fetch(address).status_code == 403

    def test_one_made_for_a_stranger_is_refused(
        self, fetch: Fetch, command: CommandExecution, make_user: MakeUser
    ) -> None:
        signature = sign(make_user("eve@example.com"), command, "stdout")
        assert fetch(f"/api/blobs/{signature}").status_code == 403


@pytest.mark.django_db
def test_where_no_output_is_kept_there_is_no_address(api: APIClient, command: CommandExecution) -> None:
    answer = api.get(f"/api/runs/{command.run_id}/commands/{command.pk}")
    assert (answer.json()["stderrUrl"], answer["Cache-Control"]) == (None, "no-store")


@pytest.mark.django_db
def test_a_stranger_sees_no_commands(stranger: APIClient, command: CommandExecution, make_api: MakeApi) -> None:
    assert stranger.get(f"/api/runs/{command.run_id}/commands").status_code == 404
    assert stranger.get(f"/api/runs/{command.run_id}/commands/{command.pk}").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_both_outputs_of_a_command_are_kept_apart(carry_out: QueueRun, api: APIClient) -> None:
    run = carry_out("```sh\nprintf 'out\\0'; printf err >&2; exit 0\n```")
    row = api.get(f"/api/runs/{run.pk}/commands").json()["data"][0]
    assert (row["exitCode"], row["status"], row["stdoutBytes"], row["stderrBytes"]) == (0, "finished", 4, 3)
    command = CommandExecution.objects.get()
    with command.stdout.open() as out, command.stderr.open() as err:
        assert (out.read(), err.read()) == (b"out\0", b"err")


@pytest.mark.django_db(transaction=True)
def test_an_output_beyond_what_is_shown_is_kept_whole(carry_out: QueueRun) -> None:
    run = carry_out("```sh\nhead -c 3000000 /dev/zero | tr '\\0' x\n```")
    command = run.commands.get()
    assert (command.stdout_bytes, Path(command.stdout.path).stat().st_size) == (3_000_000, 3_000_000)


@pytest.mark.django_db(transaction=True)
def test_output_is_followed_by_events(carry_out: QueueRun) -> None:
    run = carry_out("```sh\necho first; sleep 0.3; echo second\n```")
    bodies = run.events.filter(event_type="command_output").order_by("id").values_list("body", flat=True)
    text = "".join(bodies)
    assert text.index("first") < text.index("second")
