"""The OpenAPI schema."""

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from rest_framework.test import APIClient


@pytest.mark.django_db
def test_the_schema_is_public_and_valid() -> None:
    answer = APIClient().get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"})

    assert answer.status_code == 200
    validate_schema(answer.json())  # type: ignore[no-untyped-call]


@pytest.mark.django_db
def test_the_schema_is_made_without_errors() -> None:
    GENERATOR_STATS.reset()
    APIClient().get("/api/schema")

    assert list(GENERATOR_STATS._error_cache) == []
