"""A process is killed in the middle of a request with an `Idempotency-Key`; another one gets the same request."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Migrated
from tests.serving import ROOT

CHILD = """
import json, os, signal, sys
import django
django.setup()
from django.db import connection
from rest_framework.test import APIClient
from accounts.models import IdempotencyRecord, User
from accounts.services import issue_token
from projects.models import Project

user, _ = User.objects.get_or_create(email="anna@example.com")
client = APIClient()
client.credentials(HTTP_AUTHORIZATION="Bearer " + issue_token(user, ["projects:*"])[1])

def kill(execute, sql, params, many, context):
    if sys.argv[1] in sql:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)

with connection.execute_wrapper(kill):
    body = {"name": "New", "repositoryUrl": "https://git.example.com/new.git"}
    answer = client.post("/api/projects", body, format="json", headers={"Idempotency-Key": "one"})
told = [answer.status_code, "Idempotency-Replayed" in answer.headers]
print(json.dumps([*told, Project.objects.count(), IdempotencyRecord.objects.count()]))
"""
NEVER = "no statement has this"


@pytest.mark.parametrize("moment", ['INSERT INTO "projects_project"', 'UPDATE "accounts_idempotencyrecord"'])
def test_killed_before_the_commit_the_work_is_done_once_by_the_next(
    tmp_path: Path, migrated: Migrated, moment: str
) -> None:
    def post(killed_at: str) -> "subprocess.CompletedProcess[str]":
        environment = {
            "PATH": os.environ["PATH"],
            "QUARTERDECK_HOME": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **database,
        }
        command = [sys.executable, "-c", CHILD, killed_at]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)

    with migrated.copied(tmp_path) as database:
        assert post(moment).returncode == -signal.SIGKILL
        assert _told(post(NEVER)) == [201, False, 1, 1]
        assert _told(post(NEVER)) == [201, True, 1, 1]


def _told(done: "subprocess.CompletedProcess[str]") -> list[Any]:
    assert done.returncode == 0, done.stderr
    told: list[Any] = json.loads(done.stdout)
    return told
