"""`/errors` and `/errors/{code}`: docs/errors.md for browsers, at the addresses that problems' `type` names."""

import re
from functools import cache
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

from config.api.methods import require_safe
from config.api.problems import NotFound, problem_response, problem_types

_SECTION = re.compile(r"^### ([a-z0-9-]+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_INDEX = "/errors"


@cache
def _page() -> str:
    return (settings.BASE_DIR / "docs/errors.md").read_text(encoding="utf-8")


@cache
def _sections() -> dict[str, str]:
    """Code → what docs/errors.md says of it, in Markdown."""
    return {match[1]: match[2] for match in _SECTION.finditer(_page())}


@cache
def _html(markdown: str) -> SafeString:
    # "404. There is …" is no list
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable("list")
    tokens = parser.parse(markdown)
    for token in tokens:
        for inner in token.children or []:
            _lead_to_pages(inner)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", re.sub(r"[^a-z0-9-]", "", inline.content.lower().replace(" ", "-")))
    html: str = parser.renderer.render(tokens, parser.options, {})
    return mark_safe(html)  # noqa: S308 - HTML in Markdown is off, and the text is the project's


def _lead_to_pages(token: Token) -> None:
    """A link within docs/ leads to a file that is not served: it stays as text. One to a heading leads to the index."""
    target = str(token.attrGet("href") or "")
    if target.startswith("#"):
        token.attrSet("href", _INDEX + target)
    elif target and "://" not in target:
        token.attrs.pop("href")


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All problems on one page."""
    return _answer(request, {"title": "Errors", "body": _html(_page())})


@require_safe
def page(request: HttpRequest, code: str) -> HttpResponse:
    """One problem: title, status, what to do. An unknown code is 404 `not-found`."""
    text = _sections().get(code)
    titles = [problem.title for problem in problem_types() if problem.default_code == code]
    if text is None or not titles:
        return problem_response(NotFound("There is no such error."), request.path)
    return _answer(request, {"title": titles[0], "code": code, "body": _html(text)})


def _answer(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    return render(request, "errors.html", {**context, "index": _INDEX})
