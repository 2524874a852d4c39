"""OpenAPI links: what a client does next with an answer. Clients may follow them, the fuzzer does."""

import re
from collections.abc import Iterable
from typing import Any

Paths = dict[str, Any]
_PARAMETER = re.compile(r"{(\w+)}")
_MEMBERS = {"user": "userId", "slug": "slug", "key": "key"}
"""The member of a list's row that stands in the address of the row, where that is not `id`."""
_LOOK = (
    "runs_retrieve",
    "runs_catch_up",
    "runs_events_list",
    "runs_diff",
    "runs_files_list",
    "runs_commands_list",
    "runs_summary",
)
_REVIEW = ("runs_approve", "runs_reject", "runs_messages", "runs_snapshots_list")
_STEER = ("runs_events_stream", "runs_pause", "runs_cancel", "runs_messages", "runs_permissions_list")
_AFTER: dict[str, tuple[str, ...]] = {
    "runs_start": (*_STEER, *_LOOK, *_REVIEW),
    "runs_retry": (*_STEER, *_LOOK, *_REVIEW),
    "runs_messages": (*_STEER, *_LOOK, *_REVIEW),
    "runs_retrieve": (*_STEER, *_REVIEW, "runs_start", "runs_resume", "runs_retry", "runs_commit", "runs_push"),
    "runs_pause": ("runs_resume", "runs_cancel", "runs_messages"),
    "runs_resume": ("runs_pause", "runs_cancel", "runs_retrieve"),
    "runs_approve": ("runs_commit", "runs_reject", "runs_retrieve"),
    "runs_reject": ("runs_approve", "runs_messages"),
    "runs_commit": ("runs_push_preview", "runs_push", "runs_retrieve"),
    "runs_push_preview": ("runs_push",),
    "runs_push": ("runs_retrieve",),
    "projects_clone": ("projects_retrieve",),
    "projects_pull": ("projects_retrieve",),
    "projects_index_rag": ("projects_index_rag_cancel", "projects_retrieve"),
    "projects_destroy": ("projects_clone",),
}
"""What people do with a run, or a project, after they have done something with it."""


def add_links(paths: Paths) -> None:
    """From what creates a thing to all that can be done with it, from a list to its rows, from a move to the next."""
    known = {each["operationId"]: (path, each) for path, item in paths.items() for each in item.values()}
    for path, item in paths.items():
        _link_created(paths, path, item)
        _link_rows(paths, path, item)
    for name, following in _AFTER.items():
        path, operation = known[name]
        same = {parameter: f"$request.path.{parameter}" for parameter in _PARAMETER.findall(path)}
        _link(operation, following, same)


def _link_created(paths: Paths, path: str, item: Any) -> None:
    """`POST /api/runs` to all of `/api/runs/{run}…`."""
    name = path.rpartition("/")[2].removesuffix("s")
    targets = [each for each in paths if _PARAMETER.findall(each) == [name]]
    if "201" in item.get("post", {}).get("responses", {}):
        _link(item["post"], _names(paths, targets), {name: "$response.body#/id"}, "201")


def _link_rows(paths: Paths, path: str, item: Any) -> None:
    """`GET /api/runs/{run}/files` to `/api/runs/{run}/files/{file}`, by its first row."""
    targets = [each for each in paths if re.fullmatch(re.escape(path) + r"/{\w+}", each)]
    if not targets or "200" not in item.get("get", {}).get("responses", {}):
        return
    name = _PARAMETER.findall(targets[0])[-1]
    same = {parameter: f"$request.path.{parameter}" for parameter in _PARAMETER.findall(path)}
    row = {name: f"$response.body#/data/0/{_MEMBERS.get(name, 'id')}"}
    _link(item["get"], _names(paths, targets), {**same, **row}, "200")


def _names(paths: Paths, targets: list[str]) -> list[str]:
    return [operation["operationId"] for target in targets for operation in paths[target].values()]


def _link(source: Any, targets: Iterable[str], parameters: dict[str, str], *statuses: str) -> None:
    """Links of the statuses that are given, else of every success."""
    made = {name: {"operationId": name, "parameters": parameters} for name in targets}
    for status in statuses or [each for each in source["responses"] if each.startswith("2")]:
        source["responses"][status].setdefault("links", {}).update(made)
