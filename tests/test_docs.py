"""What the pages say of names that the code defines: environment, params, routes, errors. Prose is for people."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import URLPattern, get_resolver

from config.api.problems import Problem, problem_types
from projects.git.errors import GitError
from settings_params.params import Param
from settings_params.registry import PARAMS

pytestmark = pytest.mark.plumbing
ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "bench/README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOT_FOR_USERS = {"PATH", "DJANGO_SETTINGS_MODULE"}
_ENVIRONMENT_READ = re.compile(r'environ(?:\.get\(|\[)"([A-Z_]+)"|"([A-Z_]+)" (?:not )?in os\.environ')
_PARAMETER = re.compile(r"<[^>]*>|\{[^}]*\}")


def read(path: str) -> str:
    """A page of the checkout."""
    return (ROOT / path).read_text()


def rows(page: str) -> dict[str, str]:
    """The rows of a page's tables whose first cell is one name in backticks."""
    return {match[1]: match[0] for match in re.finditer(r"^\| `([^`]+)` \|.*$", read(page), re.MULTILINE)}


def below(base: type[Any]) -> Iterator[type[Any]]:
    """Every class below `base` that is imported with the site."""
    for each in base.__subclasses__():
        yield each
        yield from below(each)


def sources(*folders: str) -> Iterable[str]:
    """The text of every module in these folders."""
    return (path.read_text() for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))


def test_every_variable_that_the_server_reads_stands_in_the_readme() -> None:
    code = "\n".join(sources("config", "settings_params", "accounts"))
    names = {first or second for first, second in _ENVIRONMENT_READ.findall(code)}

    assert names - NOT_FOR_USERS - {"DATABASE_URL"} <= rows("README.md").keys()


@pytest.mark.parametrize("param", PARAMS.values(), ids=lambda param: param.key)
def test_a_server_param_stands_in_operating_with_its_default_and_meaning(param: Param) -> None:
    row = rows("docs/operating.md").get(param.key, "")

    assert f"`{json.dumps(param.default)}`" in row
    assert param.description in row
    assert ("| server |" in row) is not param.remote


def test_operating_names_no_param_that_does_not_exist() -> None:
    assert {name for name in rows("docs/operating.md") if re.fullmatch(r"[a-z]+(\.[a-z_]+)+", name)} == PARAMS.keys()


def test_every_route_stands_in_the_api_page() -> None:
    patterns = [each for each in get_resolver().url_patterns if isinstance(each, URLPattern)]
    routes = {"/" + _PARAMETER.sub("{}", str(each.pattern)) for each in patterns}
    told = set(
        re.findall(
            r"/(?:api/[\w{}/-]+|healthz|readyz|metrics|errors[\w{}/-]*)", _PARAMETER.sub("{}", read("docs/api.md"))
        )
    )

    assert routes - told == set()


def problems() -> list[type[Problem]]:
    """Every problem of the site that a client can meet."""
    assert get_resolver().url_patterns, "importing the routes imports every problem"
    return [each for each in problem_types() if not each.__module__.startswith("test")]


def test_every_problem_has_a_section_and_every_section_a_problem() -> None:
    codes = {problem.default_code for problem in problems()}

    assert set(re.findall(r"^### ([a-z-]+)$", read("docs/errors.md"), re.MULTILINE)) == codes


def test_a_problems_section_begins_with_its_status() -> None:
    page = read("docs/errors.md")

    assert [each for each in problems() if f"### {each.default_code}\n{each.status_code}" not in page] == []


def test_every_code_of_git_stands_in_the_errors_page() -> None:
    errors: list[type[GitError]] = [GitError, *below(GitError)]
    codes = {error.default_code for error in errors}
    codes |= set(re.findall(r'code="([a-z-]+)"', "\n".join(sources("projects/git"))))

    assert {code for code in codes if f"`{code}`" not in read("docs/errors.md")} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_checkout_lead_to_files(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", page.read_text())

    assert [target for target in targets if not (page.parent / target).exists()] == []
