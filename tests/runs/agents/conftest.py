"""A fresh work tree and run home."""

from pathlib import Path

import pytest

from tests.runs.agents.driver import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "work").mkdir()
    (tmp_path / "home").mkdir()
    return Place(tmp_path / "work", tmp_path / "home")
