"""`bin/manage params`."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from config.api.params import read
from settings_params.models import ServerParam
from settings_params.registry import PARAMS


def params(*arguments: str) -> str:
    """What the command prints."""
    output = StringIO()
    call_command("params", *arguments, stdout=output)
    return output.getvalue()


@pytest.mark.parametrize("arguments", [(), ("list",)])
def test_it_lists_every_param(db: None, arguments: tuple[str, ...]) -> None:
    assert len(params(*arguments).splitlines()) == len(PARAMS)


def test_it_tells_where_a_value_comes_from(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_PARAM_GIT_CLONE_DEPTH", "7")
    assert "git.clone_depth = 7  (environment)" in params()


def test_it_sets_a_param(db: None) -> None:
    assert params("set", "git.clone_depth", "5") == "git.clone_depth = 5  (database)\n"
    assert read("git.clone_depth") == 5


def test_it_sets_what_no_client_may(db: None) -> None:
    params("set", "safety.allow_local_repositories", "true")
    assert read("safety.allow_local_repositories") is True


def test_it_resets_a_param(db: None) -> None:
    params("set", "git.clone_depth", "5")
    assert params("reset", "git.clone_depth") == "git.clone_depth = 0  (default)\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [("git.clone_depth", "x"), ("git.clone_depth", "-1"), ("safety.auto_git_push", "yes"), ("git.author_name", "a\nb")],
)
def test_it_refuses_a_value_that_does_not_fit(db: None, key: str, value: str) -> None:
    with pytest.raises(CommandError, match=key):
        params("set", key, value)
    assert not ServerParam.objects.exists()


@pytest.mark.parametrize("arguments", [("set", "x.y", "1"), ("reset", "x.y")])
def test_it_refuses_an_unknown_key(db: None, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"no server param 'x\.y'"):
        params(*arguments)
