"""What the tests of settings share."""

from pathlib import Path

import pytest
from rest_framework.test import APIClient

from tests.conftest import MakeApi, MakeUser


@pytest.fixture
def operator(db: None, make_user: MakeUser, make_api: MakeApi) -> APIClient:
    """An operator with every ability."""
    return make_api(make_user("operator@example.com", is_staff=True))


class Programs:
    """A folder that is the whole PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, name: str, script: str) -> Path:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """No program but those that the test installs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return Programs(folder)
