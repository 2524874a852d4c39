"""The repository lock over several processes: one holder at a time, freed by its death, no ref changed without it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest
from django.conf import settings
from django.db import connection, connections

from projects import leases
from projects.git.errors import LockLost
from projects.locks import LockNotFree, repository_lock
from projects.models import Project, RepositoryLease
from projects.workspaces import open_repository
from tests.conftest import all_at_once
from tests.serving import ROOT

HOLD = """
import json, sys
import django
from django.conf import settings
settings.DATABASES["default"].update(json.loads(sys.argv[2]))
settings.HOME = sys.argv[3]
django.setup()
from projects.locks import repository_lock
from projects.models import Project
with repository_lock(Project.objects.get(pk=int(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held_elsewhere(project: Project) -> Iterator["subprocess.Popen[str]"]:
    """Another process holds the repository while the body runs."""
    names = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
    database = json.dumps({name: str(connection.settings_dict[name]) for name in names})
    command = [sys.executable, "-c", HOLD, str(project.pk), database, str(settings.HOME)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    output: IO[str] | None = process.stdout
    assert output is not None
    assert output.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.django_db(transaction=True)
def test_a_repository_held_by_another_process_is_not_free(project: Project) -> None:
    with held_elsewhere(project), pytest.raises(LockNotFree), repository_lock(project, wait_seconds=0.1):
        pass


@pytest.mark.django_db(transaction=True)
def test_the_death_of_its_holder_frees_it(project: Project) -> None:
    with held_elsewhere(project) as holder:
        holder.kill()
        holder.wait(10)
        with repository_lock(project, wait_seconds=5):
            pass


@pytest.mark.django_db(transaction=True)
def test_of_many_threads_one_at_a_time_holds_it(project: Project) -> None:
    inside, most = [0], [0]
    counting = threading.Lock()

    def enter(number: int) -> None:
        with repository_lock(project, wait_seconds=30):
            with counting:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            with counting:
                inside[0] -= 1

    all_at_once(6, enter)
    assert most == [1]


@pytest.mark.django_db(transaction=True)
def test_who_lost_the_lease_changes_no_ref(cloned: Project) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("a file lock cannot be lost")
    repository = open_repository(cloned)
    commit = cloned.head_commit or ""
    with repository_lock(cloned):
        RepositoryLease.objects.update(lease_expires_at=None)
        taken = leases.claim(RepositoryLease.objects.all(), RepositoryLease.objects.get().pk)
        assert taken is not None
        with pytest.raises(LockLost):
            repository.update_ref("refs/heads/quarterdeck/late", commit, None)
    assert repository.resolve("refs/heads/quarterdeck/late") is None


@pytest.mark.django_db(transaction=True)
def test_on_another_host_a_holder_without_a_sign_of_life_is_waited_for_until_its_lease_ends(project: Project) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("SQLite is for one machine")
    lease = RepositoryLease.objects.create(project=project)
    leases.claim(RepositoryLease.objects.all(), lease.pk)
    RepositoryLease.objects.update(lease_owner="elsewhere:1:1")
    with pytest.raises(LockNotFree), repository_lock(project, wait_seconds=0.1):
        pass
    RepositoryLease.objects.update(lease_expires_at="2020-01-01T00:00:00Z")
    with repository_lock(project, wait_seconds=0.1):
        pass
    connections["default"].close()


@pytest.mark.django_db
def test_a_lease_that_was_given_up_is_not_renewed(project: Project) -> None:
    """By the thread that keeps it, a moment later: the row would be nobody's, and free for nobody."""
    lease = leases.claim(Project.objects.all(), project.pk)
    assert lease is not None
    assert (lease.renew(), lease.release(), lease.renew()) == (True, True, False)
    assert leases.claim(Project.objects.all(), project.pk) is not None
