"""The address that a problem's `type` names has a page about it."""

import pytest
from django.test import Client
from django.urls import get_resolver
from rest_framework.test import APIClient

from config.api.problems import Problem, problem_types
from tests.config.answers import problem

assert get_resolver().url_patterns, "importing the routes imports every problem"
KINDS = {each.default_code: each for each in problem_types() if not each.__module__.startswith("test")}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_every_problem_has_a_page_with_its_title_and_status(db: None, kind: type[Problem]) -> None:
    answer = Client().get(f"/errors/{kind.default_code}")

    assert answer.headers["Content-Type"].startswith("text/html")
    assert kind.default_code in answer.content.decode()
    assert f"<p>{kind.status_code}" in answer.content.decode()


def test_the_type_of_an_answer_leads_to_its_page(api: APIClient) -> None:
    address = api.get("/api/projects/77").json()["type"]
    assert "Not found" in Client().get(address).content.decode()


def test_the_index_has_every_problem(db: None) -> None:
    whole = Client().get("/errors").content.decode()
    assert [code for code in KINDS if f'id="{code}"' not in whole] == []


def test_a_page_needs_no_script_and_no_inline_style(db: None) -> None:
    answer = Client().get("/errors/validation-failed")
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert not {"<script", "<style", " style="} & set(answer.content.decode().split())


def test_a_page_links_to_nothing_that_is_not_served(db: None) -> None:
    assert ".md" not in Client().get("/errors").content.decode()


def test_the_style_of_a_page_is_served(db: None) -> None:
    answer = Client().get("/static/page.css")
    answer.close()
    assert answer.status_code == 200


@pytest.mark.parametrize("code", ["no-such-code", "kept-on-projects-and-runs", "not-found-x"])
def test_an_unknown_code_is_not_found(db: None, code: str) -> None:
    assert problem(Client().get(f"/errors/{code}")) == (404, "not-found")


def test_a_page_is_only_read(db: None) -> None:
    assert problem(Client(enforce_csrf_checks=True).post("/errors/not-found")) == (405, "method-not-allowed")
