"""Files that nobody wrote in good faith cost themselves, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs_mgmt.generators.routes.finding import find_routes
from tests.docs_mgmt.generators.routes.made import Files

pytestmark = pytest.mark.plumbing
GOOD = "from flask import Flask\napp = Flask(__name__)\n@app.get('/good')\ndef good(): ...\n"
DEEP = 20_000
NAMES = ("urls.py", "app.py", "a.js", "b.ts", "c.tsx", "d.go", "config/routes.rb", "routes/web.php", "package.json")
PIECES = (
    *("urlpatterns", "=", "[", "]", "(", ")", "path", "include", "'a/'", "app", ".get", ".use", "router", "express()"),
    *("\n", ",", "{", "}", "Route::", "get", "->group", "function", "do", "end", "resources :a", "draw", "<?php", ";"),
    *(
        "func main()",
        "r.Group",
        "Handle",
        "=>",
        "...",
        "*",
        "+",
        "require('express')",
        "const app",
        "import",
        "\x00",
        "é",
    ),
    *("Flask(__name__)", "@app.route", "def f():", "router.register", "urlpatterns += urlpatterns", "class A(A):", " "),
)


@given(st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(PIECES), max_size=30).map("".join), max_size=4))
def test_no_text_stops_the_search(files: dict[str, str]) -> None:
    found = find_routes(Files({**files, "good.py": GOOD}))

    assert "/good" in [route.path for route in found.routes]


@given(st.sampled_from(NAMES), st.binary(max_size=60))
def test_no_bytes_stop_the_search(name: str, content: bytes) -> None:
    assert find_routes(Files({name: content, "good.py": GOOD})).routes


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("urls.py", "urlpatterns = " + "[" * DEEP),
        ("urls.py", "urlpatterns = " + "a+" * DEEP + "a"),
        ("urls.py", "urlpatterns = x" + ".a" * DEEP),
        ("app.js", "require('express');" + "app.use(" * DEEP),
        ("app.js", "const app = require('express')()" + ".use(a)" * DEEP),
        ("routes/web.php", "<?php Route::" + "prefix('a')->" * DEEP + "group(function () {});"),
        ("routes/web.php", "<?php Route::get(" + "'a'." * DEEP + "'b', x);"),
        ("config/routes.rb", "Rails.application.routes.draw do\n" + "scope 'a' do\n" * DEEP),
        (
            "a.go",
            'package main\nimport "github.com/go-chi/chi"\nfunc main() {'
            + 'r.Route("/a", func(r chi.Router) {' * 9_000,
        ),
        ("a.go", 'package main\nimport "net/http"\nfunc main() { a := r' + '.Group("/a")' * DEEP + '.Get("/x", y) }'),
        ("a.go", 'package main\nimport "github.com/go-chi/chi"\nfunc main() { r' + '.Get("/x", y)' * 20_000 + " }"),
        ("app.js", "const r = require('express').Router(); r" + ".get('/x', y)" * 20_000),
        ("package.json", "[" * DEEP),
        ("pyproject.toml", "a = " + "[" * DEEP),
        ("urls.py", "urlpatterns = [path('a', " + "f(" * 90 + "x" + ")" * 90 + ")]"),
    ],
)
def test_depth_costs_the_file_alone(name: str, content: str) -> None:
    found = find_routes(Files({name: content, "good.py": GOOD}))

    assert "/good" in [route.path for route in found.routes]


def test_a_file_that_is_broken_or_too_large_is_told_and_the_others_count() -> None:
    files: dict[str, str | bytes | None] = {
        "broken.py": "urlpatterns = [",
        "large.py": "x = 1  # flask\n" * 100_000,
        "unread.py": None,
        "good.py": GOOD,
    }

    found = find_routes(Files(files))

    assert [route.path for route in found.routes] == ["/good"]
    assert [(each.path, each.reason) for each in found.problems] == [
        ("broken.py", "no Python that is understood (line 1)"),
        ("large.py", "too large to be read for routes"),
    ]


def test_tests_and_others_code_have_no_routes_of_the_project() -> None:
    paths = ("tests/app.py", "test_app.py", "vendor/x/app.py", "node_modules/x/app.py", "a/fixtures/app.py")

    assert not find_routes(Files(dict.fromkeys(paths, GOOD))).routes
