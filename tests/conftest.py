"""What the tests of the doors share: people and their clients, a real repository, the workers' queue, real servers."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from django.core.cache import cache
from django.db import connections
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from rest_framework.test import APIClient
from xdist.workermanage import WorkerController

from accounts.models import User
from accounts.services import issue_token
from projects.models import Membership, Project
from runs.models import Run
from runs.queries import current_attempt
from settings_params import queries, stored
from tests import databases
from tests.databases import Migrated
from tests.kept import Kept, commits
from tests.serving import PASSWORD, UNLIMITED, StartServer, serving

# How fast an example comes and passes says only how busy the machine is. Where CI is set, as hypothesis' own profiles
# have it, the examples are the same each time: what is new is looked for by whoever runs the tests by hand.
hypothesis_settings.register_profile(
    "untimed",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
    database=None if os.environ.get("CI") else hypothesis_settings().database,
)
hypothesis_settings.load_profile("untimed")

T = TypeVar("T")
PLACE = pytest.StashKey[dict[str, str]]()
ALL_ABILITIES = [*("projects:*", "runs:start", "runs:control"), *("git:commit", "git:push"), "settings:*"]


def git(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Runs git as somebody who is not this server; gives its output."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        **{f"GIT_{who}_NAME": "someone" for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": "someone@example.com" for who in ("AUTHOR", "COMMITTER")},
    }
    command = ["git", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of real servers first: they are the longest, and the last ones keep the other processes waiting."""
    items.sort(key=lambda item: "migrated" not in getattr(item, "fixturenames", ()))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: WorkerController) -> None:
    """The test processes of a run share one database with all migrations; the process that starts them removes it."""
    config = node.config
    if PLACE not in config.stash:
        with ExitStack() as stack:
            config.stash[PLACE] = stack.enter_context(databases.place())
            config.add_cleanup(stack.pop_all().close)
    node.workerinput["migrated"] = config.stash[PLACE]


@pytest.fixture(scope="session")
def database_template(request: pytest.FixtureRequest) -> Iterator[Migrated]:
    """A database with all migrations, to be copied."""
    shared = getattr(request.config, "workerinput", {}).get("migrated")
    with nullcontext(shared) if shared else databases.place() as place:
        yield databases.migrated(place)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, database_template: Migrated) -> None:
    """The tests' own database begins as a copy of it, and migrating it finds nothing to do."""
    database_template.begin_tests()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """With SQLite the copy is there already; it goes with the home of the test process."""
    return databases.is_embedded()


@pytest.fixture(autouse=True)
def params_clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """No test sees the server params of the one before it; and the time stands still for what is kept of its own, or
    what asks the database as often as it should would ask once more when a second happens to end.
    """
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(stored, "time", clock)
    queries._warn.cache_clear()
    stored._kept.forget()
    return clock


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with one commit on `main`, to be copied."""
    folder = tmp_path_factory.mktemp("sample")
    work, bare = folder / "origin", folder / "remote.git"
    work.mkdir()
    git("init", "-q", "-b", "main", cwd=work)
    (work / "README.md").write_text("# Sample\n")
    (work / "app.py").write_text("print('hello')\n")
    git("add", ".", cwd=work)
    git("commit", "-q", "-m", "First", cwd=work)
    git("clone", "-q", "--bare", work, bare)
    return folder


@pytest.fixture
def remote(tmp_path: Path, sample: Path) -> Path:
    """A bare repository with one commit on `main`; the clone that it was made from lies beside it, as `origin`."""
    shutil.copytree(sample, tmp_path, dirs_exist_ok=True, symlinks=True)
    return tmp_path / "remote.git"


@pytest.fixture
def allow_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Local repositories may be cloned and pushed to."""
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_ALLOW_LOCAL_REPOSITORIES", "true")
    monkeypatch.setenv("QUARTERDECK_PARAM_SAFETY_AUTO_GIT_PUSH", "true")


@pytest.fixture(autouse=True)
def limits_clock(monkeypatch: pytest.MonkeyPatch) -> float:
    """The time that stands still for the limits: none of their minutes ends while a test runs, and none is begun."""
    cache.clear()
    now = time.time()
    monkeypatch.setattr("django_ratelimit.core.time", SimpleNamespace(time=lambda: now))
    return now


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many requests a minute as a test needs to meet each other."""
    for name, value in UNLIMITED.items():
        monkeypatch.setenv(name, value)


MakeUser = Callable[..., User]
MakeApi = Callable[..., APIClient]


@pytest.fixture
def make_user() -> MakeUser:
    """Makes people."""

    def make(email: str, **fields: Any) -> User:
        return User.objects.create_user(email, PASSWORD, **fields)

    return make


@pytest.fixture
def make_api() -> MakeApi:
    """Makes clients that hold a token with the given abilities."""

    def make(user: User | None, *abilities: str) -> APIClient:
        client = APIClient()
        client.raise_request_exception = False
        if user is not None:
            _, text = issue_token(user, abilities or ALL_ABILITIES)
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        return client

    return make


@pytest.fixture
def user(db: None, make_user: MakeUser) -> User:
    """A person."""
    return make_user("anna@example.com", name="Anna")


@pytest.fixture
def api(user: User, make_api: MakeApi) -> APIClient:
    """Anna's client with every ability."""
    return make_api(user)


@pytest.fixture
def stranger(db: None, make_user: MakeUser, make_api: MakeApi) -> APIClient:
    """Somebody who is a member of nothing."""
    return make_api(make_user("stranger@example.com"))


@pytest.fixture
def project(user: User) -> Project:
    """A ready project of Anna's without a clone on disk."""
    made = Project.objects.create(
        name="Sample",
        slug="sample",
        repository_url="https://git.example.com/sample.git",
        status="ready",
        default_branch="main",
        head_commit="0" * 40,
        created_by=user,
    )
    Membership.objects.create(project=made, user=user, role="owner")
    return made


@pytest.fixture
def run(project: Project, user: User) -> Run:
    """A draft in that project, without events."""
    return Run.objects.create(
        project=project, created_by=user, title="Try", prompt="Hello.", selected_agent="script", safe_mode=False
    )


@pytest.fixture
def work_off() -> Callable[[], None]:
    """Does all queued tasks in this process, as the workers would. Needs a test with real transactions."""
    from runs.workers.worker import QueueWorker

    def work() -> None:
        for queue in ("default", "runs", "default"):
            QueueWorker(queue).run()

    return work


@pytest.fixture(scope="session")
def migrated(database_template: Migrated) -> Migrated:
    """A database with all migrations, to be copied for a real server."""
    return database_template


@pytest.fixture
def start_server(tmp_path: Path, migrated: Migrated) -> Iterator[StartServer]:
    """Starts real servers, each call on the same data again, on a free port unless one is given; the first makes its
    database itself only when `new`."""
    with serving(tmp_path, migrated) as start:
        yield start


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """What tests before have made of the sample."""
    return Kept(tmp_path_factory.mktemp("kept"))


Once = Callable[[Hashable, Callable[[], Project]], Project]


@pytest.fixture
def once(kept: Kept, sample: Path, remote: Path, user: User) -> Once:
    """Makes something of a clone of `remote`, or puts it back as a test before has made it; the project.

    Where the test has commits of its own in `remote`, it is made.
    """

    def make_or_put_back(key: Hashable, make: Callable[[], Project]) -> Project:
        if commits(remote) != commits(sample / "remote.git"):
            return make()
        return kept.once(key, make, user=user, remote=remote)

    return make_or_put_back


@pytest.fixture
def cloned(transactional_db: None, allow_local: None, user: User, remote: Path, once: Once) -> Project:
    """A ready project of Anna's with a real clone of `remote`."""
    from projects.services.cloning import clone_project

    def clone() -> Project:
        made = Project.objects.create(name="Sample", slug="sample", repository_url=str(remote), created_by=user)
        Membership.objects.create(project=made, user=user, role="owner")
        clone_project(made.pk)
        made.refresh_from_db()
        assert made.status == "ready", made.error
        return made

    return once("clone", clone)


QueueRun = Callable[..., Run]


@pytest.fixture
def queue_run(cloned: Project, user: User) -> QueueRun:
    """Queues runs of the script agent, safe mode off unless said."""
    from runs.services.lifecycle import create_run

    def queue(prompt: str, **fields: Any) -> Run:
        fields = {"title": "Try it", "safe_mode": False, "selected_agent": "script", **fields}
        return create_run(cloned, actor=user, prompt=prompt, start=True, **fields)

    return queue


@pytest.fixture
def carry_out(queue_run: QueueRun) -> QueueRun:
    """Queues a run and carries it out here to its end."""
    from runs.execution.executor import execute

    def carry(prompt: str, **fields: Any) -> Run:
        made = queue_run(prompt, **fields)
        execute(made.pk)
        made.refresh_from_db()
        return made

    return carry


@pytest.fixture
def carry_out_once(cloned: Project, carry_out: QueueRun, once: Once) -> QueueRun:
    """Gives the one run of a test as `carry_out` does, or puts back what a test before has carried out alike.

    For what comes after a run. All that its outcome depends on must be in the prompt, the fields and the params.
    """

    def carry(prompt: str, **fields: Any) -> Run:
        return once(
            (cloned.pk, prompt, *sorted(fields.items())), lambda: carry_out(prompt, **fields).project
        ).runs.get()

    return carry


@contextmanager
def working(run: Run) -> Iterator[None]:
    """Carries a queued run out in another thread while the body runs; it must end soon after the body."""
    from runs.execution.executor import execute

    def work() -> None:
        try:
            execute(run.pk)
        finally:
            connections.close_all()

    thread = threading.Thread(target=work, name="worker", daemon=True)
    thread.start()
    yield
    thread.join(60)
    assert not thread.is_alive(), "the executor did not end"


def work_tree(run: Run) -> Path:
    """Where the agent of the run's present attempt works."""
    attempt = current_attempt(run)
    assert attempt is not None
    assert attempt.workspace is not None
    return attempt.workspace.work_tree_path


def all_at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """The results of so many calls that begin together, each in its own thread with its own connection."""
    barrier = threading.Barrier(count)

    def one(number: int) -> T:
        barrier.wait(30)
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
