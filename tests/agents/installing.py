"""The real agents for `bin/test --agents`: installed once, pinned, in the person's cache, and lent to each test's home.

They are installed as an operator does it, by `bin/manage install_agent`, into a Quarterdeck of their own whose home
holds nothing else that matters. What is there already is not fetched again: the second time nothing needs a network.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from settings_params.installations import installed
from settings_params.providers import AGENT_KEYS, PROVIDERS
from tests.process_home import cleared

ROOT = Path(__file__).resolve().parents[2]
VARIABLE = "TEST_AGENTS"
ALL_AGENTS = tuple(key for key in AGENT_KEYS if PROVIDERS[key].package)
AGENTS = tuple(os.environ.get(VARIABLE, "opencode claude codex qwen").split())
"""Those to drive: four that differ most, unless the variable names others."""
INSTALL_SECONDS = 900
TRIES = 2
"""A registry that breaks off in the midst of half a gigabyte is asked once more."""


def cache_home() -> Path:
    """The home that the agents are installed into, outside the checkout: other checkouts use it too."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "quarterdeck" / "agents-home"


def install(environment: Mapping[str, str]) -> list[str]:
    """Installs those that are missing; the keys of those that could not be had."""
    missing = [key for key in AGENTS if not is_installed(key)]
    if not missing:
        return []
    home = cache_home()
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    variables = {**environment, "QUARTERDECK_HOME": str(home)}
    _manage(["migrate", "--verbosity", "0"], variables)
    return [key for key in missing if not any(_is_done(key, variables) for _ in range(TRIES))]


def _is_done(key: str, variables: Mapping[str, str]) -> bool:
    return _manage(["install_agent", key, "--no-enable"], variables) == 0


def is_installed(key: str) -> bool:
    """Whether the cache's version in use is the pinned one, with its programs."""
    provider, found = PROVIDERS[key], installed(cache_home() / "agents", key)
    if provider.package is None or found is None or found.version != provider.package.version:
        return False
    programs = [found.program(provider.binary), *([found.program("node")] if provider.package.manager == "npm" else [])]
    return all(program.exists() for program in programs)


def lend(home: Path) -> None:
    """Lets the server with that home find them, without a copy."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / "agents").symlink_to(cache_home() / "agents")


def _manage(arguments: list[str], variables: Mapping[str, str]) -> int:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=dict(variables), timeout=INSTALL_SECONDS, check=False).returncode


def main() -> int:
    """Installs what is missing, and says of which agent that failed; the exit status."""
    missing = install(cleared(dict(os.environ)))
    for key in missing:
        package = PROVIDERS[key].package
        sys.stderr.write(f"The agent {key} could not be installed ({package}): the reason is above.\n")
    return int(bool(missing))


if __name__ == "__main__":
    sys.exit(main())
