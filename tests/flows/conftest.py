"""Leaves no connection of a test's clients open."""

from collections.abc import Iterator

import pytest

from tests.flows.client import Client


@pytest.fixture(autouse=True)
def _closed_clients() -> Iterator[None]:
    yield
    Client.close_all()
