"""A hostile agent, from its run to the push: what it leaves in its tree runs nowhere, and is reviewed as what it is."""

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from rest_framework.test import APIClient

from projects.models import Project
from projects.workspaces import open_repository
from runs.models import Run
from runs.services.publishing import carry_out_push
from tests.conftest import QueueRun, git
from tests.projects.git.traps import HOOKS, evil_config

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


def prompt(canary: Path) -> str:
    """Every trap at once, made with the agent's own git, in the sandbox."""
    return f"""
```file evil.config
{evil_config(canary)}```
```sh
arm() {{
  cat evil.config >> "$1/config"; mkdir -p "$1/hooks"; touch "$1/more"
  for hook in {" ".join(HOOKS)}; do
    printf '#!/bin/sh\\ntouch {canary}\\n' > "$1/hooks/$hook"; chmod +x "$1/hooks/$hook"
  done
}}
rm -f .git; git init -q; arm .git
for folder in inside app; do
  mkdir -p $folder; git init -q $folder
  printf '* filter=evil diff=evil merge=evil\\n' > $folder/.gitattributes
  printf 'x' > $folder/file; arm $folder/.git
done
printf '* filter=evil diff=evil text=auto\\n' > .gitattributes
printf '[submodule "x"]\\n\\tpath = inside\\n\\turl = ext::touch {canary}\\n' > .gitmodules
printf '\\tupdate = !touch {canary}\\n' >> .gitmodules
ln -s /etc passwd-folder; ln -s {canary} link
printf 'changed\\n' > README.md; printf x > '-rf'; printf x > 'a
b'; printf x > "$(printf 'bad\\377utf8')"
truncate -s 3M sparse
```
"""


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    """Outside of all folders that an agent can write to."""
    return tmp_path / "canary"


@pytest.fixture
def hostile(carry_out: QueueRun, canary: Path) -> Run:
    run = carry_out(prompt(canary), title="Mischief")
    assert run.status == "completed", run.error
    return run


def test_nothing_of_it_runs_from_the_run_to_the_push(
    hostile: Run, api: APIClient, cloned: Project, canary: Path, allow_local: None
) -> None:
    path = f"/api/runs/{hostile.pk}"

    def post(action: str, **body: Any) -> int:
        return int(api.post(f"{path}/{action}", body).status_code)

    statuses = [post("approve", commit=True), post("push")]
    carry_out_push(hostile.attempts.get().pk)
    shown = api.get(path).json()
    assert statuses == [200, 202]
    assert shown["git"]["pushStatus"] == "pushed"
    listed = git("ls-tree", "-r", shown["branch"], cwd=Path(cloned.repository_url))
    assert "160000" not in listed
    assert ".git/" not in listed
    assert not os.path.lexists(canary)


def test_its_files_are_listed_and_its_diff_is_given_whole(hostile: Run, api: APIClient, canary: Path) -> None:
    paths = {file["path"] for file in api.get(f"/api/runs/{hostile.pk}/files?limit=200").json()["data"]}
    assert {"-rf", "a\nb", "bad\ufffdutf8", "inside/file", "app/file", "link", "passwd-folder", ".gitmodules"} <= paths
    assert api.get(f"/api/runs/{hostile.pk}/diff").status_code == 200
    assert not os.path.lexists(canary)


def test_a_tree_that_cannot_be_recorded_says_why_and_the_cure(carry_out: QueueRun) -> None:
    run = carry_out("```sh\nmkdir .GIT; touch .GIT/config\n```")
    error = run.error or {}
    assert (run.status, error["code"]) == ("failed", "unrecordable-path")
    assert "Rename or remove it" in error["message"]


def test_an_agent_finds_nothing_that_another_run_has_made(carry_out: QueueRun, api: APIClient, cloned: Project) -> None:
    """Neither with its own git, nor in the folders that it is shown, also after the other's commit."""
    secret = "made by another run\n"
    first = carry_out(f"```file secret.txt\n{secret}```")
    assert api.post(f"/api/runs/{first.pk}/approve", {"commit": True}).status_code == 200
    blob = hashlib.sha1(b"blob %d\0" % len(secret) + secret.encode(), usedforsecurity=False).hexdigest()
    assert open_repository(cloned).run(["cat-file", "blob", blob]) == secret.encode()
    base = cloned.repository_path
    look = f"if git cat-file -e {blob} || ls {base}/private || ls {base}/refs; then touch found; fi"
    second = carry_out(f"```sh\ngit cat-file -e HEAD\n{look}\n```")
    assert second.status == "completed", second.error
    assert api.get(f"/api/runs/{second.pk}/files").json()["data"] == []
