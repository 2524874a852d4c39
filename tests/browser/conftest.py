"""A browser is a hundred megabytes from a registry: only `bin/test --browser` collects these tests, by their marker.

There is one browser for all of them; a test opens a page of its own, or shares one that holds nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import chromium, installing
from tests.browser.rendering import Mermaid

MARKER = "browser"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Everything here, unless the marker is asked for."""
    return None if MARKER in str(config.getoption("markexpr")) else True


@pytest.fixture(scope="session")
def browser() -> Iterator[chromium.Browser]:
    """The browser."""
    if not installing.is_installed():
        pytest.fail("No browser is installed for the tests: `bin/test --browser` does that.", pytrace=False)
    with chromium.running() as started:
        yield started


@pytest.fixture(scope="session")
def mermaid(browser: chromium.Browser) -> Mermaid:
    """A page that draws diagrams."""
    return Mermaid(browser.open_page())
