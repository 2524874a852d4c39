"""Git is started in one place. Walks the sources, and looks at what an import really starts."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import INSTALLED_APPS
from projects.git.remote import fetch
from projects.git.repository import create_repository
from tests.projects.git.sample import make_origin

pytestmark = pytest.mark.plumbing
ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("accounts", "bin", "config", "devices", "docs_mgmt", "projects", "runs", "settings_params", "snapshots")

STARTS_PROGRAMS = {
    "projects/git/child.py": "git, and nothing else",
    "projects/git/work_tree.py": "rm and chmod, for folders that Python cannot remove",
    "projects/indexing/parser_worker.py": "our own Python, for the parsing of files",
    "settings_params/binaries.py": "the --version of agents' programs",
    "settings_params/installers.py": "npm and pip, for agents that an operator installs from a registry",
    "settings_params/interpreters.py": "the version of a Python",
    "settings_params/installing.py": "the --version of Node",
    "docs_mgmt/generators/generating.py": "our own Python, for what reads a repository's code",
    "runs/secret_scan.py": "our own Python, for the scanner of secrets",
    "runs/execution/sandbox/confine.py": "the agent, inside its sandbox",
    "runs/execution/sandbox/running.py": "the sandbox",
    "runs/execution/sandbox/support.py": "bwrap, to see whether it works",
    "runs/execution/agents/script/commands.py": "a run's commands, inside its sandbox",
    "bin/environment.py": "the set-up",
    "bin/lock": "the installers that write the lock: a developer's tool",
    "config/demo/__main__.py": "bin/demo: a person's program beside the server, not the server",
    "config/demo/server.py": "bin/demo",
    "config/demo/repositories.py": "bin/demo: the person's own git, for the repository that is worked on",
}
"""Who may start a program at all, and which. A new line here is a decision: it must not be git."""

STARTERS = {
    "subprocess": ("Popen", "run", "call", "check_", "getoutput", "getstatusoutput"),
    "os": ("exec", "spawn", "posix_spawn", "system", "popen", "startfile"),
    "asyncio": ("create_subprocess",),
    "pty": ("spawn",),
}
MODULES = {"pexpect", "sh", "plumbum", "multiprocessing"}
GIT_LIBRARIES = {"git", "gitdb", "pygit2", "dulwich"}
OF_GITPYTHON = {"Commit", "Git", "GitCmdObjectDB", "Repo", "OInfo", "OStream"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())
        for path in sorted((ROOT / folder).glob("*")) if folder == "bin" else []:
            if path.is_file() and path.suffix != ".py" and path.read_bytes().startswith(b"#!/usr/bin/env python"):
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def starting_calls(tree: ast.Module) -> set[str]:
    """`os.system`, `loop.subprocess_exec` and the like, also where they are only named; not types in brackets."""
    found: set[str] = set()
    types = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Subscript)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in types:
            if node.attr in ("subprocess_exec", "subprocess_shell"):
                found.add(node.attr)
            if isinstance(node.value, ast.Name) and node.attr.startswith(STARTERS.get(node.value.id, ("\0",))):
                found.add(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module in STARTERS:
            found |= {a.name for a in node.names if a.name.startswith(STARTERS[node.module])}
    return found


def test_every_folder_with_code_is_walked() -> None:
    assert {app.partition(".")[0] for app in INSTALLED_APPS if (ROOT / app.partition(".")[0]).is_dir()} <= set(FOLDERS)


def test_nothing_but_the_listed_files_starts_a_program() -> None:
    starting = {name for name, tree in sources() if imported(tree) & MODULES or starting_calls(tree)}
    assert starting == set(STARTS_PROGRAMS)


def test_only_one_module_of_the_server_names_git_as_a_program() -> None:
    """In those that start programs: no list that begins with `git`."""
    naming = set()
    for name, tree in sources():
        lists = (node.elts for node in ast.walk(tree) if isinstance(node, (ast.List, ast.Tuple)) and node.elts)
        if name in STARTS_PROGRAMS and any(isinstance(e[0], ast.Constant) and e[0].value == "git" for e in lists):
            naming.add(name)
    assert naming == {"projects/git/child.py", "config/demo/repositories.py"}


def test_git_is_never_started_through_a_shell() -> None:
    keywords = ((name, node) for name, tree in sources() for node in ast.walk(tree) if isinstance(node, ast.keyword))
    assert [name for name, keyword in keywords if keyword.arg == "shell"] == []


def test_gitpython_is_used_in_one_module_and_for_parsing_only() -> None:
    using = {name for name, tree in sources() if imported(tree) & GIT_LIBRARIES}
    assert using == {"projects/git/objects.py"}
    tree = ast.parse((ROOT / "projects/git/objects.py").read_text())
    taken = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module in GIT_LIBRARIES]
    assert {alias.name for node in taken for alias in node.names} == OF_GITPYTHON
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "git"]


READ_A_COMMIT = """
import sys
from pathlib import Path
started = []
sys.addaudithook(lambda event, args: started.append(str(args[0])) if event == "subprocess.Popen" else None)
from projects.git.repository import Repository
import projects.git.objects
assert set(started) <= {projects.git.objects.NO_GIT}, started  # there is no such program
started.clear()
print(Repository(Path(sys.argv[1])).read_commit(sys.argv[2]).subject)
assert all("setpriv" in program or program == "git" for program in started), started
"""


def test_reading_a_commit_starts_no_git_of_gitpythons(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin")
    commit = origin.commit({"a": b"1"}, "subject")
    repository = create_repository(tmp_path / "r")
    fetch(repository, origin.remote, addresses=())
    command = [sys.executable, "-c", READ_A_COMMIT, str(repository.path), commit]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("subject\n", "")
