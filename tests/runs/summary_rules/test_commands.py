"""Which programs a command line runs, and which of them run tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.summary_rules.frameworks import framework_of
from runs.summary_rules.shell_lines import MAX_CHARACTERS, SimpleCommand, simple_commands
from runs.summary_rules.tested import may_run_tests

pytestmark = pytest.mark.plumbing

RUNS_TESTS = {
    "pytest": "pytest",
    "python -m pytest tests -x": "pytest",
    ".venv/bin/python3.12 -B -m pytest": "pytest",
    "PYTHONPATH=. CI=1 pytest -q": "pytest",
    "uv run pytest": "pytest",
    "uv run --frozen pytest": "pytest",
    "poetry run python -m pytest": "pytest",
    "coverage run -m pytest": "pytest",
    "timeout 60 pytest": "pytest",
    "timeout -k 5 60 pytest": None,
    "docker compose run --rm web pytest -q": "pytest",
    "docker compose exec -T web python manage.py test": "django",
    "python -m unittest discover": "unittest",
    "python manage.py test app": "django",
    "./manage.py test": "django",
    "python -m django test": "django",
    "tox -e py312": "tox",
    "nox": "nox",
    "npm test": "npm",
    "npm t": "npm",
    "npm run test:unit -- --watch=false": "npm",
    "yarn test": "npm",
    "pnpm --filter web test": None,
    "pnpm run test": "npm",
    "yarn jest": "jest",
    "npx jest --ci": "jest",
    "npx vitest run": "vitest",
    "node_modules/.bin/mocha": "mocha",
    "node --test": "node",
    "node node_modules/jest/bin/jest.js": None,
    "bun test": "bun",
    "deno test -A": "deno",
    "npx playwright test": "playwright",
    "go test ./... -run X": "go",
    "cargo +nightly test --all": "cargo",
    "cargo nextest run": "nextest",
    "mvn -q verify": "maven",
    "./mvnw test": "maven",
    "mvn package -DskipTests": None,
    "./gradlew :app:testDebugUnitTest": "gradle",
    "./gradlew :app:integrationTest": "gradle",
    "gradle check": "gradle",
    "dotnet test": "dotnet",
    "ctest --output-on-failure": "ctest",
    "bundle exec rspec": "rspec",
    "bin/rails test": "minitest",
    "bundle exec rake spec": "rake",
    "php artisan test": "phpunit",
    "vendor/bin/phpunit --testdox": "phpunit",
    "vendor/bin/pest": "pest",
    "composer test": "composer",
    "mix test": "mix",
    "swift test": "swift",
    "flutter test": "flutter",
    "make test": "make",
    "make -j4 check": "make",
    "bin/test --sqlite": "script",
    "./run_tests.sh": "script",
    "pip install pytest": None,
    "cat pytest.ini": None,
    "grep -r pytest .": None,
    "git commit -m 'npm test'": None,
    "ls tests": None,
    "npm install": None,
    "npm run build": None,
    "go build ./...": None,
    "test -f a": None,
    "docker build -t pytest .": None,
    "echo run pytest": None,
}


def frameworks(line: str) -> list[str]:
    return [found for simple in simple_commands(line) if (found := framework_of(simple.words))]


@pytest.mark.parametrize(("line", "framework"), RUNS_TESTS.items())
def test_the_framework_of_a_command(line: str, framework: str | None) -> None:
    assert frameworks(line) == ([framework] if framework else [])


@pytest.mark.parametrize("line", [line for line, framework in RUNS_TESTS.items() if framework])
def test_no_line_that_runs_tests_is_passed_over(line: str) -> None:
    assert may_run_tests(line)


@pytest.mark.parametrize(
    ("line", "programs"),
    [
        ("a b && c | d; e", [("a", "b"), ("c",), ("d",), ("e",)]),
        ("a 2>&1 > out.txt b", [("a", "b")]),
        ("bash -lc 'cd x && pytest'", [("cd", "x"), ("pytest",)]),
        ("/bin/sh -c \"sh -c 'pytest'\"", [("pytest",)]),
        ("cat > t.py <<'EOF'\npytest\nEOF\npytest", [("cat",), ("pytest",)]),
        ("a \\\n  b", [("a", "b")]),
        ("# npm test\na", [("a",)]),
        ("(cd x; pytest)", [("cd", "x"), ("pytest",)]),
        ("echo 'a; pytest'", [("echo", "a; pytest")]),
        ("echo it's; pytest", [("echo", "it's"), ("pytest",)]),
        ("", []),
    ],
)
def test_the_programs_of_a_line(line: str, programs: list[tuple[str, ...]]) -> None:
    assert [simple.words for simple in simple_commands(line)] == programs


@pytest.mark.parametrize(
    ("line", "folder"),
    [("pytest", ""), ("cd a && pytest", "a"), ("cd a; cd b; pytest", "a/b"), ("cd a; sh -c 'cd /b; pytest'", "/b")],
)
def test_where_a_program_runs(line: str, folder: str) -> None:
    assert simple_commands(line)[-1] == SimpleCommand(("pytest",), has_the_say=True, folder=folder)


@given(st.text(st.sampled_from("ab'\"\\ \t\n;|&()<>#$=-E"), max_size=80))
def test_every_line_is_taken_apart(line: str) -> None:
    for simple in simple_commands(line):
        assert simple.words
        framework_of(simple.words)


@pytest.mark.parametrize("piece", ["a;", "'", "sh -c ", "<<A\n", "docker run ", "x=1 ", "npx "])
def test_a_line_without_end_takes_no_long_time(piece: str) -> None:
    for simple in simple_commands(piece * MAX_CHARACTERS):
        framework_of(simple.words)
