"""A run's agent looks through everything that it can see for what is the server's, another run's, another project's."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from projects.models import Project
from runs.execution.sandbox.spec import minimal_environment
from runs.execution.sandbox.support import probe
from runs.models import Run
from tests.conftest import QueueRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]
MARK = ("a-mark-of", "the-servers-own-files")
PLACES = '"$SERVER" /tmp /etc /run /var /home /srv /opt /mnt /media'


@pytest.fixture(autouse=True)
def _sandboxed() -> None:
    if not probe().is_available:
        pytest.skip(probe().reason)


def folders(run: Run) -> tuple[Path, Path]:
    """Where the run's agent works, and its home."""
    attempt = run.attempts.get()
    assert attempt.workspace is not None
    return attempt.workspace.work_tree_path, attempt.workspace.agent_home_path


@pytest.fixture
def marked(carry_out: QueueRun, cloned: Project) -> Iterator[list[Path]]:
    """Files with the mark, readable for all, in every folder of the server's home, another run's, another project's."""
    other = folders(carry_out("Hello."))
    home = Path(settings.HOME)
    beside = home / "projects-of-others" / "repository.git"
    beside.mkdir(parents=True, exist_ok=True)
    places = {home, beside, *other, *(path for path in home.iterdir() if path.is_dir()), Path(settings.MEDIA_ROOT)}
    places |= {parent for folder in other for parent in folder.parents if parent.is_relative_to(home)}
    with ExitStack() as stack:
        marks = [place / "a.mark" for place in places if place.is_dir()]
        for mark in marks:
            mark.write_text("-".join(MARK))
            mark.chmod(0o644)
            stack.callback(mark.unlink, missing_ok=True)
        yield marks


def found_by(run: Run) -> str:
    with run.commands.get().stdout.open() as file:
        return str(file.read().decode())


def test_it_finds_nothing_of_the_servers_home_of_other_runs_and_projects(
    carry_out: QueueRun, marked: list[Path]
) -> None:
    search = f'grep -rlsF "$(printf {MARK[0]}; printf -- -{MARK[1]})" {PLACES} || true'
    own = "printf a-mark-of- > own; printf the-servers-own-files >> own; "  # that the search finds what is there
    run = carry_out(f"```sh\nSERVER={settings.HOME}\n{own}{search}\n```")

    assert (run.status, run.error, len(marked) >= 6) == ("completed", None, True)
    assert set(map(Path, found_by(run).splitlines())) == {folders(run)[0] / "own"}


def test_it_sees_of_the_servers_home_the_way_to_its_own_folders_and_the_objects(
    carry_out: QueueRun, marked: list[Path], cloned: Project
) -> None:
    """Every folder that it sees is its own, above one of its own, or of the objects of its project's history."""
    run = carry_out(f"```sh\nfind {settings.HOME} \\( -name objects -o -name 'run-*' \\) -prune -o -print\n```")

    work_tree, home = folders(run)
    seen = {Path(line) for line in found_by(run).splitlines()}
    own = {each for each in seen if work_tree.is_relative_to(each) or each.is_relative_to(work_tree)}
    own |= {each for each in seen if home.is_relative_to(each) or each.is_relative_to(home)}
    assert [each for each in seen - own if each.name not in (f"{cloned.pk}", "repository.git", "repositories")] == []


@pytest.mark.parametrize("name", ["secret_key", "encryption_keys", "db.sqlite3"])
def test_the_servers_keys_and_database_are_not_there(carry_out: QueueRun, name: str) -> None:
    run = carry_out(f"```sh\ntest ! -e {settings.HOME / name} && echo absent\n```")

    assert found_by(run) == "absent\n"


@pytest.mark.parametrize("place", ["agent", "setup"])
def test_its_environment_is_made_from_nothing(
    api: APIClient, cloned: Project, carry_out: QueueRun, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    for name in ("A_SECRET_OF_THE_SERVER", "LD_LIBRARY_PATH", "GIT_SSH_COMMAND", "DATABASE_PASSWORD"):
        monkeypatch.setenv(name, "x")
    listing = "tr '\\0' '\\n' < /proc/$PPID/environ | cut -d= -f1; env | cut -d= -f1"
    if place == "setup":
        api.put(f"/api/projects/{cloned.pk}", {"setupCommands": [listing]})
    run = carry_out("Hello." if place == "setup" else f"```sh\n{listing}\n```")

    assert (run.status, run.error) == ("completed", None)
    of_a_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert set(found_by(run).split()) - of_a_shell <= set(minimal_environment(Path("/")))
