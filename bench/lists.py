"""Measures a page of every list, with every filter and ordering, among ten thousand rows and among a million.

In processor time, which other work on the machine changes little: all rows lie in memory, nobody waits for a disk.

`.venv/bin/python bench/lists.py [--rows N] [--only TEXT] [--plans]`, from any folder, on SQLite and on PostgreSQL. It
works in temporary folders and touches nothing else. Requests go through the application, not through a network.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
FEW_ROWS = 10_000
GOAL = 1.5
NOISE_MS = 1.0  # two pages are not told apart below that
TURNS, LEAST_TURNS, ENOUGH_SECONDS = 9, 3, 0.2
FROM_THE_END = 20
DATABASES = ("SQLite", "PostgreSQL")

SEARCHES = [{"search": text} for text in ("run", "Zebra", "nothing", "1")]
STATUSES = [{"status": text} for text in ("completed", "failed", "paused")]
NO_FILTER: list[dict[str, str]] = [{}]


@dataclass(frozen=True)
class List:
    """A list as somebody sees it: its filters, its orderings, and the model whose rows it shows."""

    person: str
    path: str
    model: str
    filters: list[dict[str, str]]
    orderings: tuple[str, ...] = ("",)
    oldest_first: bool = False

    def queries(self) -> Iterator[dict[str, str]]:
        """The query parameters of each case, without a cursor."""
        for wanted, ordering in product(self.filters, self.orderings):
            yield {**wanted, **({"ordering": ordering} if ordering else {})}


@dataclass(frozen=True)
class Measured:
    """A page, whose it is, and its milliseconds."""

    page: str
    token: str
    ms: float


def lists(crowd: Any) -> list[List]:
    """Every list, seen by people with all, many and few of the rows."""
    run, small, large = f"/api/runs/{crowd.run}", crowd.small_project, crowd.large_project
    runs = [*NO_FILTER, *SEARCHES, *STATUSES, {"status": "completed", "search": "Zebra"}]
    of_project = [{**query, "projectId": str(pk)} for pk in (small, large) for query in (*NO_FILTER, *SEARCHES)]
    ways = ("", "createdAt")
    projects = [*NO_FILTER, *({"search": text} for text in ("project", "Zebra", "nothing"))]
    projects += [{"status": text} for text in ("ready", "error", "archived")]
    names = ("name", "createdAt", "updatedAt", "lastPulledAt")
    events = [*NO_FILTER, *({"severity": text} for text in ("debug", "error"))]
    events += [{"eventTypes": text} for text in ("file_updated", "run_failed")]
    events += [{"path": text} for text in ("app/", "nowhere")] + [{"attempt": "1"}, {"attempt": "2"}]
    attempts = [*NO_FILTER, {"attempt": "1"}, {"attempt": "2"}]
    snapshots = [*attempts, *({"kind": text} for text in ("manual", "after_run"))]
    snapshots.append({"kind": "after_run", "attempt": "1"})
    permissions = [*NO_FILTER, *({"status": text} for text in ("allowed", "pending"))]
    return [
        *(List(who, "/api/runs", "runs.Run", runs + of_project, ways) for who in ("operator", "many", "few")),
        *(List("many", f"/api/projects/{pk}/runs", "runs.Run", runs, ways) for pk in (large, small)),
        List("many", f"{run}/events", "runs.AgentEvent", events, oldest_first=True),
        List("many", f"{run}/files", "runs.WorkspaceFile", attempts, oldest_first=True),
        List("many", f"{run}/commands", "runs.CommandExecution", attempts, oldest_first=True),
        List("many", f"{run}/reviews", "runs.RunReview", attempts),
        List("many", f"{run}/permissions", "runs.Permission", permissions),
        List("many", f"{run}/snapshots", "snapshots.Snapshot", snapshots),
        List("many", f"/api/projects/{small}/snapshots", "snapshots.Snapshot", snapshots),
        List("many", f"/api/projects/{small}/members", "projects.Membership", NO_FILTER, oldest_first=True),
        *(
            List(who, "/api/projects", "projects.Project", projects, ("", *(w + n for n in names for w in ("", "-"))))
            for who in ("operator", "collector", "few")
        ),
        List("collector", "/api/auth/tokens", "accounts.AccessToken", NO_FILTER),
        List("collector", "/api/devices", "devices.Device", NO_FILTER),
    ]


def places(each: List, query: dict[str, str]) -> dict[str, list[Any] | None]:
    """Where a first, a middle and a last page of a list start: what a cursor says."""
    from django.apps import apps
    from django.db.models import Max, Min

    from projects.views.projects import ProjectViewSet

    rows = apps.get_model(each.model).objects
    ends = rows.aggregate(low=Min("pk"), high=Max("pk"))
    low, high = ends["low"], ends["high"]
    ordering = query.get("ordering", "createdAt" if each.oldest_first else "-createdAt")
    name, is_rising = ordering.removeprefix("-"), not ordering.startswith("-")
    middle, last = (low + high) // 2, high - FROM_THE_END if is_rising else low + FROM_THE_END
    if each.model != "projects.Project" or "ordering" not in query:
        return {"first": None, "middle": [middle], "last": [last]}
    keyed = rows.annotate(key=ProjectViewSet.orderings[name])
    keys = {pk: keyed.values_list("key", flat=True).get(pk=pk) for pk in (middle, last)}
    if name == "name":
        last = keyed.order_by("-key" if is_rising else "key")[FROM_THE_END].pk
        keys[last] = keyed.values_list("key", flat=True).get(pk=last)
    if name == "lastPulledAt":
        keys[last] = None
    shown = {pk: key.isoformat() if hasattr(key, "isoformat") else key for pk, key in keys.items()}
    return {"first": None, "middle": [shown[middle], middle], "last": [shown[last], last]}


def address(path: str, query: dict[str, str], place: list[Any] | None) -> str:
    """The page's address, with a cursor as the server would have given it."""
    from rest_framework.request import Request
    from rest_framework.test import APIRequestFactory

    from config.api.pagination import make_cursor

    if place is not None:
        query = {**query, "cursor": make_cursor(Request(APIRequestFactory().get(path, query)), *place)}
    return f"{path}?{urlencode(query)}" if query else path


def measure(client: Any, token: str, page: str) -> float:
    """Milliseconds of processor time that a page takes, the fewest of some turns: other work only adds."""
    spent: list[float] = []
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    begun_at = time.perf_counter()
    client.get(page, headers=headers)
    while len(spent) < TURNS and (len(spent) < LEAST_TURNS or time.perf_counter() < begun_at + ENOUGH_SECONDS):
        before = processor_ms()
        answer = client.get(page, headers=headers)
        spent.append(processor_ms() - before)
        if answer.status_code != 200:
            raise SystemExit(f"{page}: {answer.content.decode()}")
    return min(spent)


def processor_ms() -> float:
    """What this process has had of the processors, and the one that serves its connection to PostgreSQL (proc(5))."""
    from django.db import connection

    own = time.process_time() * 1000
    if connection.vendor != "postgresql":
        return own
    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    return own + int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


def measure_all(crowd: Any, only: str) -> dict[str, Measured]:
    """What the pages of each case take, by their names."""
    from django.test import Client

    found: dict[str, Measured] = {}
    for each in lists(crowd):
        for query in each.queries():
            name = f"{each.person} {address(each.path, query, None)}"
            if only not in name:
                continue
            for which, place in places(each, query).items():
                page, token = address(each.path, query, place), getattr(crowd, each.person)
                found[f"{name} {which}"] = Measured(page, token, measure(Client(), token, page))
    return found | measure_console(only)


def measure_console(only: str) -> dict[str, Measured]:
    """The first page of each list of the operator's console."""
    from django.apps import apps
    from django.contrib import admin
    from django.test import Client
    from django.urls import reverse

    from accounts.models import User

    client = Client()
    client.force_login(User.objects.get(is_staff=True))
    shown = [model._meta for model in apps.get_models() if admin.site.is_registered(model)]
    names = {f"console {meta.verbose_name_plural} first": f"{meta.app_label}_{meta.model_name}" for meta in shown}
    pages = {name: reverse(f"admin:{names[name]}_changelist") for name in names if only in name}
    return {name: Measured(page, "", measure(client, "", page)) for name, page in pages.items()}


def print_plans(name: str, page: str, token: str) -> None:
    """How the database goes about the statements of a page."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        Client().get(page, headers={"Authorization": f"Bearer {token}"})
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN (ANALYZE, BUFFERS)"
    print(f"\n{name}")
    for query in asked.captured_queries:
        if not query["sql"].startswith("SELECT") or "accesstoken" in query["sql"]:
            continue
        print("  ", query["sql"])
        with connection.cursor() as cursor:
            cursor.execute(f"{explain} {query['sql']}")
            for row in cursor.fetchall():
                print("     ", row[-1])


def bench(rows: int, only: str, *, with_plans: bool) -> None:
    """One database, which the environment names: fills it, measures, fills it up, measures again."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()
    from django.core.management import call_command

    from bench import rows as made

    call_command("migrate", verbosity=0)
    crowd, templates = made.fill_crowd()
    made.add_crowd(crowd, templates, 0, FEW_ROWS)
    before = measure_all(crowd, only)
    begun_at = time.perf_counter()
    made.add_crowd(crowd, templates, FEW_ROWS, rows - FEW_ROWS)
    print(f"{rows} rows of each kind ({time.perf_counter() - begun_at:.0f} s to write)", flush=True)
    now = measure_all(crowd, only)
    missed = [name for name, each in now.items() if each.ms > GOAL * before[name].ms + NOISE_MS]
    for name, each in now.items():
        told = "MISSED" if name in missed else "met"
        print(f"{each.ms / before[name].ms:7.2f}  {before[name].ms:7.1f} → {each.ms:7.1f} ms  {told:6}  {name}")
    print(
        f"{len(now) - len(missed)} of {len(now)} pages within {GOAL} times (and {NOISE_MS:g} ms), {len(missed)} MISSED"
    )
    for name in missed if with_plans else ():
        if now[name].token:
            print_plans(name, now[name].page, now[name].token)


def main() -> int:
    """0 when everything could be measured, whatever the figures."""
    parser = argparse.ArgumentParser(description="Measures the pages of every list among few and many rows.")
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of each kind (default: %(default)s)")
    parser.add_argument("--only", default="", help="only cases whose name (person and address) has this text")
    parser.add_argument("--plans", action="store_true", help="print the query plans of what is missed too")
    parser.add_argument("--database", choices=DATABASES, help="only this one")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        bench(max(FEW_ROWS, given.rows), given.only, with_plans=given.plans)
        return 0
    from tests import postgres

    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} beforehand")
    own = [sys.executable, str(Path(__file__).resolve()), "--inside", *sys.argv[1:]]
    kept = {key: value for key, value in os.environ.items() if not key.startswith("QUARTERDECK_")}
    kept["QUARTERDECK_PARAM_LIMITS_DEFAULT_PER_MINUTE"] = "1000000"
    with postgres.server() as server:
        for name, database in zip(DATABASES, ({}, {"DATABASE_URL": server}), strict=True):
            if given.database not in (None, name):
                continue
            with tempfile.TemporaryDirectory(prefix="quarterdeck-bench-") as home:
                print(f"\n{name}", flush=True)
                subprocess.run(own, cwd=ROOT, env={**kept, "QUARTERDECK_HOME": home, **database}, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
