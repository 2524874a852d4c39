"""The names by which test programs are called, and those of programs that call them."""

import re

GENERIC = frozenset({"npm", "make", "tox", "nox", "rake", "composer", "script"})
"""Runners of any framework: which one it was, their output tells."""

PROGRAMS = {
    "ctest": "ctest",
    "gotestsum": "gotestsum",
    "jest": "jest",
    "mocha": "mocha",
    "paratest": "phpunit",
    "pest": "pest",
    "phpunit": "phpunit",
    "py.test": "pytest",
    "pytest": "pytest",
    "rspec": "rspec",
    "stestr": "unittest",
    "tox": "tox",
    "trial": "unittest",
    "vitest": "vitest",
}
SUBCOMMANDS = {
    "artisan test": "phpunit",
    "bun test": "bun",
    "cargo nextest": "nextest",
    "cargo t": "cargo",
    "cargo test": "cargo",
    "composer test": "composer",
    "dart test": "flutter",
    "deno test": "deno",
    "django-admin test": "django",
    "dotnet test": "dotnet",
    "flutter test": "flutter",
    "go test": "go",
    "just test": "make",
    "make check": "make",
    "make test": "make",
    "make tests": "make",
    "manage test": "django",
    "manage.py test": "django",
    "mix test": "mix",
    "ng test": "npm",
    "playwright test": "playwright",
    "rails test": "minitest",
    "rake spec": "rake",
    "rake test": "rake",
    "react-scripts test": "jest",
    "swift test": "swift",
    "task test": "make",
}
PYTHON_MODULES = {
    "django": "django",
    "nox": "nox",
    "py.test": "pytest",
    "pytest": "pytest",
    "tox": "tox",
    "unittest": "unittest",
}
MAVEN = frozenset({"mvn", "mvnd", "mvnw"})
MAVEN_GOALS = frozenset({"install", "package", "test", "verify"})
GRADLE = frozenset({"gradle", "gradlew"})
GRADLE_TASK = re.compile(r"(?::?[\w-]{1,60}:){0,8}(?:\w{0,60}[tT]est|check)")
NODE_MANAGERS = frozenset({"bun", "npm", "pnpm", "yarn"})

ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
PYTHON = re.compile(r"(?:python|pypy)[\d.]*w?")
SCRIPT = re.compile(r"(?:test|tests|unit|spec|e2e)(?:[:.-][\w:.-]*)?")
"""A script of a package.json that runs tests."""
TEST_SCRIPT = re.compile(r"(?:run[-_]?)?tests?(?:\.(?:sh|py|js|rb|pl))?")
"""A program of the project's own that does."""

WRAPPERS = frozenset(
    {
        *("env", "time", "nice", "ionice", "nohup", "setsid", "stdbuf", "sudo", "xvfb-run", "exec", "command"),
        *("npx", "bunx", "php", "node", "ruby", "if", "then", "do", "!"),
    }
)
TAKES_A_NUMBER = frozenset({"timeout", "retry"})
RUNNERS = frozenset(
    {
        *("uv run", "poetry run", "pipenv run", "pdm run", "hatch run", "rye run", "coverage run", "conda run"),
        *("bundle exec", "npm exec", "pnpm exec", "pnpm dlx", "yarn exec", "yarn run", "dotenv run"),
    }
)
CONTAINERS = frozenset({"docker", "docker-compose", "podman", "podman-compose", "kubectl", "devcontainer"})
