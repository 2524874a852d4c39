"""`GET /api/meta`."""

import pytest
from django.urls import resolve
from django.utils.dateparse import parse_datetime
from rest_framework.test import APIClient

from config.meta import ROUTES
from tests.config.answers import problem


def test_meta_needs_no_token(db: None) -> None:
    body = APIClient().get("/api/meta").json()
    assert set(body) == {"name", "contractVersion", "minAppVersion", "serverTime", "features"}
    assert (body["name"], body["contractVersion"]) == ("Quarterdeck", "1")


def test_the_servers_time_is_a_time_in_utc(db: None) -> None:
    text = APIClient().get("/api/meta").json()["serverTime"]
    assert text.endswith("Z")
    assert parse_datetime(text)


def test_a_feature_with_a_route_is_offered_only_with_it(db: None) -> None:
    offered = set(APIClient().get("/api/meta").json()["features"])
    assert all(resolve(ROUTES[name]) for name in offered & ROUTES.keys())
    assert "permissions" in offered


def test_the_version_of_the_contract_is_the_schemas(db: None) -> None:
    schema = APIClient().get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    assert APIClient().get("/api/meta").json()["contractVersion"] == schema["info"]["version"]


@pytest.mark.parametrize("path", ["/api/meta?limit=5", "/api/meta?x=1"])
def test_meta_takes_no_parameter(db: None, path: str) -> None:
    assert problem(APIClient().get(path)) == (400, "invalid-parameter")
