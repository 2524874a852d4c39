"""The OpenAPI document and the page that shows it."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.urls import URLPattern, get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it has no stubs
from rest_framework.test import APIClient

from config.openapi.problem_shapes import EXTENSIONS, MEMBERS
from config.openapi.schema import ApiGenerator
from runs.stream.asking import MAX_CLIENT_LENGTH
from tests.config.described import DOCUMENT, IDS, OPERATIONS, SCHEMAS, codes_of
from tests.serving import ROOT


@pytest.mark.django_db
def test_the_schema_is_public_and_valid() -> None:
    answer = APIClient().get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"})

    assert (answer.status_code, answer.json()["openapi"]) == (200, "3.1.0")
    validate_schema(answer.json())


@pytest.mark.django_db
def test_the_schema_is_made_without_errors_and_warnings() -> None:
    GENERATOR_STATS.reset()
    ApiGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]

    assert (list(GENERATOR_STATS._error_cache), list(GENERATOR_STATS._warn_cache)) == ([], [])


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/yaml", "application/yaml"),
        ("application/vnd.oai.openapi", "application/vnd.oai.openapi"),
    ],
)
@pytest.mark.django_db
def test_the_schema_is_json_unless_yaml_is_asked_for(accept: str, given: str) -> None:
    answer = APIClient().get("/api/schema", headers={"Accept": accept})

    assert answer.headers["Content-Type"].partition(";")[0] == given


def test_every_route_of_the_api_is_described() -> None:
    patterns = [str(each.pattern) for each in get_resolver().url_patterns if isinstance(each, URLPattern)]
    routes = {"/" + re.sub(r"<[^>]*>", "{}", each) for each in patterns if not each.startswith("errors")}
    described = {re.sub(r"\{[^}]*\}", "{}", path) for path in DOCUMENT["paths"]}

    assert described >= routes | {"/api/runs/{}/events/stream", "/api/events/stream"}


def test_operations_have_names_of_their_own() -> None:
    assert len(set(IDS)) == len(IDS)
    assert [each for each in IDS if not re.fullmatch(r"[a-z][a-z_]+", each)] == []


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=IDS)
def test_an_operation_is_told_in_words(path: str, method: str, operation: dict[str, Any]) -> None:
    given = [each for each in operation["parameters"] if "$ref" not in each]
    answers = [each for each in operation["responses"].values() if "$ref" not in each]

    assert operation["description"].strip().startswith(operation["summary"])
    assert [each["name"] for each in given if not each["description"] or each["schema"] == {}] == []
    assert all(each["description"] for each in answers)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=IDS)
def test_what_is_not_public_names_its_refusals(path: str, method: str, operation: dict[str, Any]) -> None:
    if not operation.get("security"):
        return
    assert codes_of(operation, 401) == {"unauthenticated"}
    assert codes_of(operation, 429) == {"rate-limited"}
    assert "x-required-ability" not in operation or "missing-ability" in codes_of(operation, 403)
    assert "{" not in path or "not-found" in codes_of(operation, 404)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=IDS)
def test_an_operation_with_a_body_names_what_may_be_wrong_with_it(
    path: str, method: str, operation: dict[str, Any]
) -> None:
    if "requestBody" not in operation:
        return
    assert "malformed-json" in codes_of(operation, 400)
    assert codes_of(operation, 413) == {"body-too-large"}
    assert codes_of(operation, 415) == {"unsupported-media-type"}
    assert "validation-failed" in codes_of(operation, 422)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=IDS)
def test_a_refusal_has_the_status_that_its_code_has(path: str, method: str, operation: dict[str, Any]) -> None:
    for status in operation["responses"]:
        for code in codes_of(operation, int(status)):
            name = "".join(part.title() for part in code.split("-")) + "Problem"
            assert SCHEMAS[name]["properties"]["status"]["const"] == int(status)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=IDS)
def test_every_answer_has_a_request_id(path: str, method: str, operation: dict[str, Any]) -> None:
    shared = DOCUMENT["components"]["responses"]
    for response in operation["responses"].values():
        found = shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
        assert "X-Request-ID" in found["headers"]


def test_a_limited_answer_says_when_to_come_back() -> None:
    assert {"Retry-After", "RateLimit", "RateLimit-Policy"} <= set(
        DOCUMENT["components"]["responses"]["RateLimited"]["headers"]
    )


@pytest.mark.parametrize("name", sorted(each for each in SCHEMAS if each.endswith(("Request", "Update"))))
def test_a_request_refuses_members_that_it_does_not_know(name: str) -> None:
    assert SCHEMAS[name].get("additionalProperties") is False


def test_no_list_is_a_bare_array() -> None:
    contents = [response.get("content", {}) for _, _, each in OPERATIONS for response in each["responses"].values()]
    assert [each for content in contents for each in content.values() if each["schema"].get("type") == "array"] == []


def test_no_answer_is_an_object_without_members() -> None:
    def is_bare(schema: Any) -> bool:
        return isinstance(schema, dict) and schema.get("type") == "object" and "properties" not in schema

    shown = {
        operation["operationId"]
        for _, _, operation in OPERATIONS
        for status, response in operation["responses"].items()
        if status.startswith("2")
        for content in response.get("content", {}).values()
        if is_bare(content["schema"])
    }
    assert shown == {"schema"}


@pytest.mark.parametrize("name", sorted(each for each in SCHEMAS if "examples" in SCHEMAS[each]))
def test_an_example_is_what_it_shows(name: str) -> None:
    root = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    for example in SCHEMAS[name]["examples"]:
        Draft202012Validator(root).validate(example)


def test_extension_members_are_described() -> None:
    assert {name for names in EXTENSIONS.values() for name in names} <= MEMBERS.keys()


def _contents(operation: dict[str, Any]) -> Iterator[str]:
    """The names of the schemas of its body and of its successes."""
    successes = [each for status, each in operation["responses"].items() if status.startswith("2")]
    for part in [operation.get("requestBody", {}), *successes]:
        for content in part.get("content", {}).values():
            if "$ref" in content["schema"]:
                yield content["schema"]["$ref"].rpartition("/")[2]


def test_what_clients_send_and_get_has_examples() -> None:
    named = {name for _, _, operation in OPERATIONS for name in _contents(operation)}
    unmade = {
        "MapRowPage",
        "SearchRowPage",
    }  # nothing makes them yet
    assert {name for name in named if "examples" not in SCHEMAS[name]} == unmade | {"EventFrame", "UserEventFrame"}


def test_no_member_of_an_answer_is_without_a_type() -> None:
    def is_open(schema: dict[str, Any]) -> bool:
        return not schema.keys() & {"type", "$ref", "oneOf", "allOf", "enum", "const"}

    found = {f"{name}.{key}" for name, schema in SCHEMAS.items() for key, value in _members(schema) if is_open(value)}
    assert found == {"Setting.value", "Setting.default"}  # of the param's own type


def _members(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from schema.get("properties", {}).items()


def test_links_name_operations_and_their_parameters() -> None:
    paths = {operation["operationId"]: path for path, _, operation in OPERATIONS}
    for _, _, operation in OPERATIONS:
        for response in operation["responses"].values():
            for link in response.get("links", {}).values():
                assert set(re.findall(r"{(\w+)}", paths[link["operationId"]])) == set(link["parameters"])


def test_a_start_leads_to_what_people_do_next() -> None:
    start = next(operation for path, _, operation in OPERATIONS if path == "/api/runs/{run}/start")
    assert {"runs_events_stream", "runs_pause", "runs_cancel", "runs_approve"} <= set(
        start["responses"]["202"]["links"]
    )


@pytest.mark.django_db
def test_the_docs_page_has_no_inline_script_or_style_and_its_assets_are_here() -> None:
    answer = APIClient().get("/api/docs")
    page = answer.content.decode()

    assert answer.status_code == HTTPStatus.OK
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]*\bsrc=)|<style| style=| on\w+=", page) == []
    assets = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(assets) == 5
    assert all(finders.find(asset.removeprefix("/static/")) for asset in assets)
    assert 'url: "/api/schema"' in (ROOT / "static/api_docs.js").read_text()


def test_the_name_of_a_stream_is_described_as_the_server_takes_it() -> None:
    described = DOCUMENT["paths"]["/api/events/stream"]["get"]["parameters"]
    (client,) = [each["schema"] for each in described if each.get("name") == "client"]
    assert client["maxLength"] == MAX_CLIENT_LENGTH
    assert re.search(client["pattern"], "phone")
    assert not re.search(client["pattern"], "pho\0ne")


def test_the_user_stream_tells_that_an_event_may_have_no_run() -> None:
    (frame, event), (user_frame, user_event) = [
        (SCHEMAS[f"{name}Frame"]["properties"]["data"]["contentSchema"]["$ref"], SCHEMAS[name])
        for name in ("Event", "UserEvent")
    ]
    assert (frame, user_frame) == ("#/components/schemas/Event", "#/components/schemas/UserEvent")
    for name in ("runId", "seq", "attempt"):
        assert (event["properties"][name]["type"], user_event["properties"][name]["type"]) == (
            "integer",
            ["integer", "null"],
        )
