"""Reading params: cheap, and never stale for long."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from config.api.params import read
from projects.models import Project
from projects.services.lifecycle import create_project
from runs.models import CommandExecution
from settings_params import stored
from settings_params.models import ServerParam
from settings_params.params import IntParam
from settings_params.registry import PARAMS
from settings_params.services.params import change_params
from tests.conftest import MakeUser, QueueRun, all_at_once

DEPTH = "git.clone_depth"


def set_depth(value: int | None) -> None:
    change_params({DEPTH: value}, actor=None, is_remote=False)


def test_many_reads_are_one_query(db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        assert [read(key) is None for key in PARAMS].count(True) == 6  # keys of vendors, logins, and what signs


def test_a_change_counts_at_once_where_it_was_made(db: None) -> None:
    for value in (1, 2, None):
        set_depth(value)
        assert read(DEPTH) == (value or 0)


def test_a_change_of_another_process_counts_within_moments(db: None, params_clock: SimpleNamespace) -> None:
    assert read(DEPTH) == 0
    ServerParam.objects.create(key=DEPTH, value=9)  # as another process would: this one is not told
    assert read(DEPTH) == 0
    params_clock.now += stored.KEPT_SECONDS
    assert read(DEPTH) == 9


def test_a_change_that_was_rolled_back_does_not_count(transactional_db: None) -> None:
    with transaction.atomic():
        set_depth(5)
        transaction.set_rollback(True)
    assert read(DEPTH) == 0


def test_what_was_read_before_a_commit_is_not_kept_after_it(transactional_db: None) -> None:
    with transaction.atomic():
        set_depth(5)
        all_at_once(1, lambda _: read(DEPTH))  # another thread keeps what it still sees
    assert read(DEPTH) == 5


def test_changes_at_once_leave_one_of_them(transactional_db: None) -> None:
    all_at_once(4, lambda number: set_depth(number + 1))
    assert read(DEPTH) in (1, 2, 3, 4)
    assert ServerParam.objects.count() == 1


def test_a_stored_value_that_does_not_fit_any_more_is_warned_about_and_ignored(
    db: None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_depth(500)
    param = PARAMS[DEPTH]
    assert isinstance(param, IntParam)
    monkeypatch.setitem(PARAMS, DEPTH, replace(param, maximum=100))
    assert read(DEPTH) == 0
    assert f"The stored value of {DEPTH} is ignored" in caplog.text


def test_a_stored_param_that_is_no_more_is_ignored(db: None) -> None:
    ServerParam.objects.create(key="old.param", value=1)
    assert read(DEPTH) == 0


def test_new_projects_take_the_safe_mode_that_the_operator_wants(db: None, make_user: MakeUser) -> None:
    change_params({"safety.safe_mode_default": False}, actor=None, is_remote=False)
    made = create_project(actor=make_user("a@example.com"), name="a", repository_url="https://git.example.com/a.git")
    assert Project.objects.get(pk=made.pk).safe_mode is False


def test_a_run_gets_the_sandbox_that_the_params_say(carry_out: QueueRun) -> None:
    sizes = {"sandbox.open_files": 99, "sandbox.file_gb": 0.25, "sandbox.tmp_gb": 0.125}
    change_params(sizes, actor=None, is_remote=False)
    carry_out("```sh\nulimit -n; ulimit -f; df -k --output=size /tmp | tail -1\n```")
    with CommandExecution.objects.get().stdout.open() as file:
        open_files, blocks, kibibytes = file.read().split()
    assert (int(open_files), int(blocks), int(kibibytes)) == (99, 2**19, 2**17)
