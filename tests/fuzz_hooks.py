"""What the fuzzer does beyond making requests up: schemathesis loads this by its configuration.

Most of the requests that fit the schema are made about what there is (tests.fuzz_world): else all would end at 404.
What is refused all the same must have one of the codes that schemathesis.toml names for the operation.
"""

import ast
import threading
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import httpx
import schemathesis

from tests.fuzz_expected import look_up
from tests.fuzz_world import ASKING, FAILING, QUICK, SLOW, imported

PROMPTS = (QUICK, QUICK, QUICK, SLOW, ASKING, FAILING)
WORLD = imported()
KEPT_PARAMS = (
    ("limits.settings_writes_per_minute",)
    if WORLD["everyParam"]
    else ("limits.", "safety.", "runs.", "retention.", "api.", "git.sign")
)
"""What the fuzzing itself stands on: with a low limit everything after it would be 429. All but that of the params' own
requests are fuzzed at the end, when nothing comes after.
"""
AT_WORK = ("queued", "running")
WAIT_SECONDS = 5.0
CLIENT = httpx.Client(
    base_url=f"{WORLD['address']}/api",
    headers={"Authorization": f"Bearer {WORLD['token']}"},
    trust_env=False,
    timeout=20,
)
Case = Any
PARSE, PARSING = ast.parse, threading.Lock()


def _parse_alone(*arguments: Any, **options: Any) -> Any:
    """Hypothesis parses in each worker; older CPython mixes up how deep the trees of two threads are (gh-106905)."""
    with PARSING:
        return PARSE(*arguments, **options)


ast.parse = _parse_alone


# What is asked about


RUN_OF = {
    "runs_approve": "approved",
    "runs_cancel": "toCancel",
    "runs_comments": "endless",
    "runs_commit": "approved",
    "runs_messages": "endless",
    "runs_messages_destroy": "endless",
    "runs_messages_list": "endless",
    "runs_pause": "endless",
    "runs_permissions_decide": "asking",
    "runs_permissions_list": "asking",
    "runs_push": "committed",
    "runs_push_preview": "committed",
    "runs_resume": "endless",
    "runs_retry": "failed",
    "runs_start": "draft",
    "runs_update": "toEdit",
}
"""Whose run is in the state that the operation wants; `done` for all others."""
UNKNOWN = frozenset({"cursor", "attempt"})
"""Query parameters whose made-up values find nothing."""
FILTERS = UNKNOWN | {"search", "status", "kind", "projectId", "since", "eventTypes", "severity", "path", "lastEventId"}
"""Links lead on from the rows of a list: with made-up filters it would have none."""
BREAKING = ("projects_update", "projects_destroy", "projects_clone", "projects_pull")
ADDRESSED: dict[str, Callable[[str], Any]] = {
    "project": lambda name: _indexed_anew() if name == "projects_index_rag_cancel" else WORLD[_project_of(name)],
    "run": lambda name: _fresh_draft() if name == "runs_destroy" else WORLD["runs"][RUN_OF.get(name, "done")],
    "file": lambda name: WORLD["file"],
    "command": lambda name: WORLD["command"],
    "permission": lambda name: WORLD["permission"],
    "message": lambda name: _fresh_message(),
    "snapshot": lambda name: WORLD["snapshot"],
    "signature": lambda name: _signature(),
    "slug": lambda name: "project-map",
    "key": lambda name: "script",
    "user": lambda name: _colleague(),
    "device": lambda name: _first("/devices"),
    "attachment": lambda name: _fresh_attachment(),
    "server": lambda name: _fresh_server(),
}
"""Path parameters by name."""


def _project_of(name: str) -> str:
    if "credential" in name:
        return "farProject"
    return "spareProject" if name in BREAKING else "project"


def _indexed_anew() -> int:
    """The project's id: an index of it has just been asked for, and can be cancelled for a moment."""
    CLIENT.post(f"/projects/{WORLD['project']}/index-rag")
    return int(WORLD["project"])


def _first(path: str) -> int | None:
    """The id of a list's first row."""
    rows = CLIENT.get(path).json()["data"]
    return rows[0]["id"] if rows else None


def _signature() -> str:
    command = CLIENT.get(f"/runs/{WORLD['runs']['done']}/commands/{WORLD['command']}").json()
    return str(command["stdoutUrl"]).rpartition("/")[2]


def _fresh_draft() -> int:
    body = {"projectId": WORLD["project"], "title": "To be deleted", "prompt": QUICK, "selectedAgent": "script"}
    return int(CLIENT.post("/runs", json=body).json()["id"])


def _fresh_message() -> int | None:
    """The id of one that its agent will not come to."""
    path = f"/runs/{WORLD['runs']['endless']}/messages"
    CLIENT.post(path, json={"text": "To be withdrawn"})
    rows = CLIENT.get(f"{path}?limit=200").json()["data"]
    return rows[-1]["id"] if rows else None


def _fresh_attachment() -> int:
    return int(CLIENT.post("/attachments?name=a.txt", content=b"Some text.").json()["id"])


def _fresh_server() -> int | None:
    """The id of the latest MCP server, of a new one where there is place for it."""
    path = f"/projects/{WORLD['project']}/mcp-servers"
    if not _first(path):
        CLIENT.post(path, json={"name": "tools", "kind": "stdio", "command": "tools"})
    return _first(path)


def _colleague() -> int | None:
    """The id of the member who may go."""
    members = CLIENT.get(f"/projects/{WORLD['project']}/members").json()["data"]
    return next((member["userId"] for member in members if member["email"] == WORLD["colleague"]), None)


def _replace(body: dict[str, Any], **members: Any) -> None:
    body.clear()
    body.update(members)


def _drop(body: dict[str, Any], member: str) -> None:
    body.pop(member, None)


def _on_run(body: dict[str, Any], chance: int) -> None:
    body |= {"prompt": PROMPTS[chance % len(PROMPTS)], "selectedAgent": "script"}
    for name in ("selectedModel", "attachmentIds"):
        body.pop(name, None)


def _on_new_run(body: dict[str, Any], chance: int) -> None:
    _on_run(body, chance)
    body["projectId"] = WORLD["project"]


def _on_approval(body: dict[str, Any], chance: int) -> None:
    """Of everything, or of all but the one file."""
    body.pop("tree", None)
    body.pop("rejected", None)
    if chance % 2:
        shown = CLIENT.get(f"/runs/{WORLD['runs']['approved']}").json()
        body |= {"tree": shown["tree"], "rejected": [{"path": "NOTE.md"}]}


def _on_provider(body: dict[str, Any], chance: int) -> None:
    """Without its agent no run would get anywhere."""
    body |= {"enabled": True} if "enabled" in body else {}
    body.pop("defaultModel", None)


BODIES: dict[str, Callable[[dict[str, Any], int], None]] = {
    "auth_token": lambda body, _: body.update(email=WORLD["email"], password=WORLD["password"]),
    "auth_elevate": lambda body, _: body.update(password=WORLD["password"]),
    "projects_create": lambda body, _: body.update(repositoryUrl=WORLD["repository"]),
    "projects_members_create": lambda body, _: body.update(email=WORLD["colleague"]),
    "projects_mcp_servers_create": lambda body, _: _replace(body, name="tools", kind="stdio", command="tools"),
    "projects_mcp_servers_update": lambda body, _: _replace(body, enabled=False),
    "projects_snapshots_create": lambda body, _: _replace(body, description="As it is now"),
    "projects_credential_update": lambda body, _: _replace(body, kind="https_token", token="a-token"),
    "runs_create": _on_new_run,
    "runs_update": _on_run,
    "runs_approve": _on_approval,
    "runs_comments": lambda body, _: _replace(body, comments=[{"path": "README.md", "line": 1, "text": "Why?"}]),
    "runs_reject": lambda body, _: _drop(body, "tree"),
    "runs_messages": lambda body, chance: _replace(body, text=PROMPTS[chance % len(PROMPTS)]),
    "runs_permissions_decide": lambda body, _: _replace(body, decision="allow_once"),
    "settings_providers_update": _on_provider,
}
"""What makes a body one that is accepted."""


@schemathesis.hook
def before_call(context: Any, case: Case, kwargs: dict[str, Any]) -> None:
    """Three of four requests that fit the schema are about what there is. Which ones follows from what was made up."""
    name = case.operation.definition.raw["operationId"]
    if name == "settings_server_params_update" and isinstance(case.body, dict):
        case.body = {key: value for key, value in case.body.items() if not str(key).startswith(KEPT_PARAMS)}
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    chance = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
    if chance % 4 == 0:
        return
    case.headers.pop("If-Match", None)
    is_link = case.meta.phase.name.value.lower() == "stateful"
    case.query = {key: value for key, value in case.query.items() if key not in (FILTERS if is_link else UNKNOWN)}
    if not is_link:  # there the links say what is asked about
        found = {key: ADDRESSED[key](name) for key in case.path_parameters if key in ADDRESSED}
        case.path_parameters = {**case.path_parameters, **{key: value for key, value in found.items() if value}}
    if name in BODIES and isinstance(case.body, dict):
        case.body = dict(case.body)
        BODIES[name](case.body, chance // 4)


# What follows from it


@schemathesis.hook
def after_call(context: Any, case: Case, response: Any) -> None:
    """While links are followed: a run that was put to work has come to rest before the next step, unless it is slow."""
    if case.meta is None or case.meta.phase.name.value.lower() != "stateful" or response.status_code not in (201, 202):
        return
    made = response.json()
    if made.get("status") in AT_WORK and made.get("prompt") != SLOW:
        _wait_for(f"/runs/{made['id']}")
    elif made.get("status") in ("pending", "cloning", "pulling"):
        _wait_for(f"/projects/{made['id']}")


def _wait_for(path: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        found = CLIENT.get(path).json()
        if found.get("status") not in (*AT_WORK, "pending", "cloning", "pulling") or found.get("pendingPermissions"):
            return
        time.sleep(0.1)


@schemathesis.check
def refused_with_a_reason(ctx: Any, response: Any, case: Case) -> None:
    """A request that fits the schema is refused only by codes that the configuration explains for the operation."""
    if case.meta is None or not case.meta.generation.mode.is_positive or not 400 <= response.status_code < 500:
        return
    problem = response.json()
    codes = [f"{problem['code']}:{error['code']}" for error in problem.get("errors", [])] or [problem["code"]]
    explained = ctx.config.custom_kwargs.get("refused_with_a_reason", {})
    unexplained = [code for code in codes if code not in explained]
    assert not unexplained, f"{', '.join(unexplained)}: the schema allows it, and schemathesis.toml has no reason"


DOCUMENT: dict[str, Any] = CLIENT.get("/schema").json()
HEADERS = {name.lower() for name in DOCUMENT["components"]["headers"]} - {"cache-control"}  # it is everywhere


@schemathesis.check
def sends_no_header_untold(ctx: Any, response: Any, case: Case) -> None:
    """Headers that the document knows are described wherever they are sent."""
    operation = DOCUMENT["paths"][case.operation.path].get(case.method.lower(), {"responses": {}})
    told = look_up(DOCUMENT, operation["responses"].get(str(response.status_code), {}))
    untold = HEADERS & {name.lower() for name in response.headers} - {name.lower() for name in told.get("headers", {})}
    assert not told or not untold, f"{', '.join(sorted(untold))}: not described with {response.status_code}"


@schemathesis.check
class EveryOperationSucceeds:
    """Every operation has had a 2xx in the end, but for those that the configuration names with a reason."""

    def __init__(self, **reasons: str) -> None:
        self.reasons = reasons
        self.seen: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def after_response(self, ctx: Any, response: Any, case: Case) -> None:
        """Counts it."""
        self.seen[case.operation.definition.raw["operationId"]][response.status_code] += 1

    def after_run(self, ctx: Any) -> None:
        """Prints how often each operation has had which status."""
        print("\n── answers by operation")
        for name, statuses in sorted(self.seen.items()):
            print(f"{name:32}", *(f" {status}: {count}" for status, count in sorted(statuses.items())))
        for name in sorted(self.reasons.keys() & self.seen.keys()):
            if any(200 <= each < 300 for each in self.seen[name]):
                print(f"succeeds, so its reason can go: {name}")
        never = {name for name, statuses in self.seen.items() if not any(200 <= each < 300 for each in statuses)}
        for name in sorted(never & self.reasons.keys()):
            print(f"never 2xx: {name}: {self.reasons[name]}")
        assert not never - self.reasons.keys(), f"never 2xx: {', '.join(sorted(never - self.reasons.keys()))}"
