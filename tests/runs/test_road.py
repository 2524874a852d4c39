"""The whole road in one process: clone, run, review, commit, push."""

from collections.abc import Callable
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from tests.conftest import git

PROMPT = "Write a note.\n\n```file note.txt\nhello\n```\n```sh\ncat note.txt; echo oops >&2\n```\n"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("allow_local")
def test_a_run_goes_from_a_repository_to_a_pushed_branch(
    api: APIClient, remote: Path, work_off: Callable[[], None]
) -> None:
    project = api.post("/api/projects", {"name": "Sample", "repositoryUrl": str(remote)}).json()
    work_off()
    body = {"projectId": project["id"], "title": "Note", "prompt": PROMPT, "safeMode": False, "start": True}
    run = api.post("/api/runs", body).json()
    work_off()

    path = f"/api/runs/{run['id']}"
    shown = api.get(path).json()
    assert shown["status"] == "completed", shown["error"]
    assert api.post(f"{path}/approve", {"tree": shown["tree"], "commit": True}).status_code == 200
    assert api.post(f"{path}/push").status_code == 202
    work_off()

    done = api.get(path).json()
    assert (done["git"]["pushStatus"], done["git"]["pushError"]) == ("pushed", None)
    assert git("show", f"{done['branch']}:note.txt", cwd=remote) == "hello\n"
