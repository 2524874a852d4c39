"""What there is on the fuzzed server before the fuzzing: a real repository, a project for the runs, one to be broken,
and a run in each state that an operation wants. All of it is made through the API, as a client would.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

VARIABLE = "FUZZ_WORLD"
WAIT_SECONDS = 180.0
QUICK = "Leave a note.\n\n```file NOTE.md\nHello.\n```\n\n```sh\ncat NOTE.md\n```\n"
TWO_FILES = "Leave two notes.\n\n```file NOTE.md\nHello.\n```\n\n```file OTHER.md\nHello.\n```\n"
ASKING = "Ask first.\n\n```ask\nMay I?\n```\n"
FAILING = "Fail.\n\n```sh\nexit 3\n```\n"
SLOW = "Take your time.\n\n```sleep 2\n```\n"
ENDLESS = "Never end.\n\n```file NOTE.md\nHello.\n```\n\n```sleep 86000\n```\n"
MAP = "docs/PROJECT_MAP.md"
Body = dict[str, Any]


def _make_repository(folder: Path) -> str:
    """The path of a bare repository with one commit on `main`, which holds a managed document."""
    work, bare = folder / "work", folder / "remote.git"
    nobody = {
        f"GIT_{who}_{what}": "nobody@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": str(folder), **nobody}

    def git(*arguments: str) -> None:
        environment = {"PATH": os.environ["PATH"], **alone}
        subprocess.run(["git", *arguments], cwd=work, env=environment, check=True, capture_output=True)

    (work / MAP).parent.mkdir(parents=True)
    (work / MAP).write_text("# Map\n\nOne file.\n")
    (work / "README.md").write_text("# Fuzzed\n")
    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "--message", "First")
    git("clone", "--quiet", "--bare", ".", str(bare))
    return str(bare)


class World:
    """Makes it; `made` is what the hooks must know, as JSON can hold it."""

    def __init__(self, address: str, token: str, folder: Path) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=f"{address}/api", headers=headers, trust_env=False, timeout=30)
        self._repository = _make_repository(folder)
        self.made: dict[str, Any] = {"address": address, "token": token, "repository": self._repository}

    def make(self) -> None:
        """Everything."""
        project = self._project("Fuzzed")
        self._wait(f"/projects/{project}", lambda found: found["index"]["status"] == "ready")
        self._call("POST", f"/projects/{project}/docs/regenerate")
        self._wait(f"/projects/{project}", lambda found: found["docs"]["status"] == "ready")
        self.made |= {"project": project, "spareProject": self._project("To be broken")}
        self.made["farProject"] = self._project("With a login", "https://git.invalid/fuzzed.git", "error")
        first = self._run(QUICK)  # the lowest ids are made up most often: restores of its snapshots break nothing else
        self._wait(f"/runs/{first}", lambda run: run["status"] == "completed")
        self.made["runs"] = runs = {
            "toRestore": first,
            "done": self._run(QUICK),
            "approved": self._run(TWO_FILES),
            "committed": self._run(QUICK),
            "failed": self._run(FAILING),
            "asking": self._run(ASKING),
            "endless": self._run(ENDLESS),
            "draft": self._run(QUICK, start=False),
            "toCancel": self._run(QUICK, start=False),
            "toEdit": self._run(QUICK, start=False),
        }
        self._wait(f"/runs/{runs['done']}", lambda run: run["status"] == "completed")
        for name in ("approved", "committed"):
            self._wait(f"/runs/{runs[name]}", lambda run: run["status"] == "completed")
            self._call("POST", f"/runs/{runs[name]}/approve", {})
        self._call("POST", f"/runs/{runs['committed']}/commit", {})
        self._wait(f"/runs/{runs['failed']}", lambda run: run["status"] == "failed")
        self._wait(f"/runs/{runs['asking']}", lambda run: run["pendingPermissions"] == 1)
        self._wait(f"/runs/{runs['endless']}/files", lambda page: bool(page["data"]))
        self.made |= {
            "file": self._first(f"/runs/{runs['done']}/files"),
            "command": self._first(f"/runs/{runs['done']}/commands"),
            "permission": self._first(f"/runs/{runs['asking']}/permissions"),
            "snapshot": self._first(f"/runs/{runs['toRestore']}/snapshots"),
        }
        self._client.close()

    def export(self, *, every_param: bool = False) -> dict[str, str]:
        """The environment by which the hooks get it, and whether they may spoil it."""
        return {VARIABLE: json.dumps({**self.made, "everyParam": every_param})}

    def _call(self, method: str, path: str, body: Body | None = None) -> Body:
        answer = self._client.request(method, path, json=body)
        if answer.is_error:
            raise SystemExit(f"{method} {path}: {answer.text}")
        content: Body = answer.json()
        return content

    def _project(self, name: str, url: str | None = None, status: str = "ready") -> int:
        made = self._call("POST", "/projects", {"name": name, "repositoryUrl": url or self._repository})
        self._wait(f"/projects/{made['id']}", lambda project: project["status"] == status)
        return int(made["id"])

    def _run(self, prompt: str, *, start: bool = True) -> int:
        body = {"projectId": self.made["project"], "title": "Fuzzed", "prompt": prompt, "selectedAgent": "script"}
        return int(self._call("POST", "/runs", {**body, "safeMode": False, "start": start})["id"])

    def _first(self, path: str) -> int:
        return int(self._call("GET", path)["data"][0]["id"])

    def _wait(self, path: str, is_there: Callable[[Body], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while not is_there(found := self._call("GET", path)):
            if time.monotonic() > deadline:
                raise SystemExit(f"{path} did not come about: {found}")
            time.sleep(0.1)


def imported() -> dict[str, Any]:
    """What `export` has put into the environment."""
    world: dict[str, Any] = json.loads(os.environ[VARIABLE])
    return world
