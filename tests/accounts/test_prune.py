"""What has expired is deleted in time, and nothing else."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import services
from accounts.models import AccessToken, IdempotencyRecord, StreamLease, User
from accounts.services import issue_token, prune_expired
from devices.models import Device

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=2)


def test_expired_tokens_go_with_what_hangs_on_them(user: User) -> None:
    kept, _ = issue_token(user, ["projects:read"])
    expired, _ = issue_token(user, ["projects:read"], lifetime=-LONG_AGO)
    issue_token(user, ["git:push"], parent=expired)
    Device.objects.create(access_token=expired, user=expired.user, token="0" * 64, environment="sandbox")
    assert prune_expired()["tokens"] == 1
    assert (list(AccessToken.objects.all()), Device.objects.count()) == ([kept], 0)


def test_an_elevated_token_goes_alone(user: User) -> None:
    parent, _ = issue_token(user, ["projects:read"])
    issue_token(user, ["git:push"], parent=parent, lifetime=-LONG_AGO)
    prune_expired()
    assert list(AccessToken.objects.all()) == [parent]


def test_kept_answers_go_after_a_day(api: APIClient, run: object) -> None:
    for key in ("old", "new"):
        api.post("/api/runs/1/start", headers={"Idempotency-Key": key})
    IdempotencyRecord.objects.filter(key="old").update(created_at=timezone.now() - LONG_AGO)
    prune_expired()
    assert list(IdempotencyRecord.objects.values_list("key", flat=True)) == ["new"]


def test_places_of_streams_and_sessions_go(user: User) -> None:
    for at in (timezone.now() - LONG_AGO, timezone.now() + LONG_AGO):
        StreamLease.objects.create(user=user, path="/", owner="x", expires_at=at)
        Session.objects.create(session_key=str(at.day), session_data="", expire_date=at)
    prune_expired()
    assert (StreamLease.objects.count(), Session.objects.count()) == (1, 1)


def test_a_call_deletes_a_bounded_number(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PRUNED_AT_ONCE", 2)
    for _ in range(3):
        issue_token(user, [], lifetime=-LONG_AGO)
    assert [prune_expired()["tokens"] for _ in range(3)] == [2, 1, 0]
