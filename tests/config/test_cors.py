"""CORS: nothing unless origins are listed; then the same for every answer below /api/, whoever gives it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from settings_params.params import ParamInvalid
from settings_params.registry import PARAMS
from tests.config.web_process import Answer, Web, serving
from tests.serving import ROOT

pytestmark = pytest.mark.plumbing
LISTED, OTHER = "https://app.example.com", "https://evil.example.com"
PATHS = ["/api/projects", "/api/events/stream", "/api/runs/1/events/stream", "/api/meta", "/api/nothing"]
over_paths = pytest.mark.parametrize("path", PATHS)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server with one origin listed."""
    home = tmp_path_factory.mktemp("cors")
    with serving(home, has_database=True) as started:
        _set_origins(home, f'["{LISTED}", "http://localhost:3000"]')
        yield started


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A server as it comes."""
    with serving(tmp_path_factory.mktemp("closed"), has_database=True) as started:
        yield started


def _set_origins(home: Path, text: str) -> None:
    environment = {"PATH": os.environ["PATH"], "QUARTERDECK_HOME": str(home)}
    command = [sys.executable, "manage.py", "params", "set", "api.cors_origins", text]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def ask(web: Web, path: str, origin: str | None, *, method: str = "GET", more: str = "") -> Answer:
    """One request of a browser's page."""
    lines = [f"{method} {path} HTTP/1.0", "Host: x", *([f"Origin: {origin}"] if origin else []), *filter(None, [more])]
    return web.say("\r\n".join([*lines, "", ""]).encode())


def cors(answer: Answer) -> dict[str, str]:
    """The CORS headers of an answer."""
    return {name.lower(): value for name, value in answer.headers.items() if name.lower().startswith("access-control-")}


PREFLIGHT = "Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: authorization,if-match"


@over_paths
def test_by_default_there_is_no_header_at_all(closed: Web, path: str) -> None:
    answer = ask(closed, path, LISTED)
    assert cors(answer) == {}
    assert "origin" not in (answer.headers["Vary"] or "").lower()


@over_paths
def test_by_default_a_preflight_is_no_more_than_a_wrong_method(closed: Web, path: str) -> None:
    answer = ask(closed, path, LISTED, method="OPTIONS", more=PREFLIGHT)
    assert (answer.status in (404, 405), cors(answer)) == (True, {})


@over_paths
def test_a_listed_origin_may_read_every_answer(web: Web, path: str) -> None:
    answer = ask(web, path, LISTED)
    assert cors(answer)["access-control-allow-origin"] == LISTED
    assert answer.headers.get_all("Access-Control-Allow-Origin") == [LISTED]
    assert "origin" in ",".join(answer.headers.get_all("Vary") or [])


@over_paths
def test_another_origin_may_read_none(web: Web, path: str) -> None:
    assert cors(ask(web, path, OTHER)) == {}


@pytest.mark.parametrize(
    "origin", ["null", "https://app.example.com.evil.example", "http://app.example.com", f"{LISTED}:444", "https://["]
)
def test_what_only_looks_like_a_listed_origin_is_another(web: Web, origin: str) -> None:
    assert cors(ask(web, "/api/projects", origin)) == {}


@over_paths
def test_a_preflight_of_a_listed_origin_is_answered(web: Web, path: str) -> None:
    answer = ask(web, path, LISTED, method="OPTIONS", more=PREFLIGHT)
    allowed = cors(answer)
    assert answer.status == 200
    assert {"PUT", "DELETE"} <= set(allowed["access-control-allow-methods"].split(", "))
    wanted = {"authorization", "idempotency-key", "if-match", "if-none-match", "last-event-id", "x-request-id"}
    assert wanted <= set(allowed["access-control-allow-headers"].split(", "))


def test_a_preflight_of_another_origin_is_not_granted(web: Web) -> None:
    assert cors(ask(web, "/api/projects", OTHER, method="OPTIONS", more=PREFLIGHT)) == {}


def test_a_page_may_read_the_headers_of_the_contract(web: Web) -> None:
    exposed = set(cors(ask(web, "/api/projects", LISTED))["access-control-expose-headers"].split(", "))
    assert {"ETag", "Location", "X-Request-ID", "Retry-After", "RateLimit", "Idempotency-Replayed"} <= exposed


def test_cookies_are_never_shared(web: Web) -> None:
    assert "access-control-allow-credentials" not in cors(ask(web, "/api/projects", LISTED))


def test_a_body_that_was_cut_off_is_answered_with_them_too(web: Web) -> None:
    answer = ask(web, "/api/projects", LISTED, method="POST", more="Content-Length: 10000000")
    assert (answer.status, cors(answer)["access-control-allow-origin"]) == (413, LISTED)


def test_outside_of_the_api_nothing_is_shared(web: Web) -> None:
    assert cors(ask(web, "/healthz", LISTED)) == cors(ask(web, "/admin/login/", LISTED)) == {}


def test_without_an_origin_there_is_no_header(web: Web) -> None:
    assert cors(ask(web, "/api/projects", None)) == {}


@pytest.mark.parametrize("origin", ["*", "https://a.example/", "https://A.example", "ftp://a.example", "a.example", ""])
def test_only_origins_can_be_listed(origin: str) -> None:
    with pytest.raises(ParamInvalid):
        PARAMS["api.cors_origins"].check([origin])


@pytest.mark.parametrize("origin", ["https://a.example", "http://localhost:3000", "http://[::1]:80"])
def test_an_origin_can_be_listed(origin: str) -> None:
    assert PARAMS["api.cors_origins"].check([origin]) == (origin,)
