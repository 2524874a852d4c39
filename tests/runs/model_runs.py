"""The script agent as one that has a model: its commands ask a scripted model server through the run's gateway."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from runs.execution.agents.profile import ModelAccess, Setting
from runs.execution.agents.registry import PROFILES
from runs.execution.model_server.server import ModelServer
from settings_params.providers import PROVIDERS

KEY = "sk-real-key-of-the-operator"
MODEL = "scripted"
# One call; its script tells what it claims to use. Prints the status, fails with the error's text.
ASK = """
import json, os, sys, urllib.error, urllib.request
body = {"model": sys.argv[3] if len(sys.argv) > 3 else os.environ["MODEL_NAME"], "stream": True}
body["messages"] = [{"role": "user", "content": "@@usage %s %s" % (sys.argv[1], sys.argv[2])}]
headers = {"Authorization": "Bearer " + os.environ["MODEL_TOKEN"], "Content-Type": "application/json"}
url = os.environ["MODEL_URL"] + "/openai/v1/chat/completions"
try:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)) as answer:
        print(answer.status, len(answer.read()) > 0)
except urllib.error.HTTPError as error:
    sys.exit(error.read().decode())
"""


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """A model server in a thread of its own."""
    server, loop = ModelServer(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="model server", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def give_a_model(monkeypatch: pytest.MonkeyPatch, server: ModelServer) -> None:
    """From now on runs of the script agent have a model, and a key for it that they must not see."""
    base = "QUARTERDECK_PARAM_PROVIDERS_OPENAI_"
    monkeypatch.setenv(base + "BASE_URL", server.url)
    monkeypatch.setenv(base + "API_KEY", KEY)
    monkeypatch.setenv(base + "MODELS", f'["{MODEL}"]')
    monkeypatch.setitem(PROVIDERS, "script", replace(PROVIDERS["script"], vendors=("openai",)))
    script = replace(PROFILES["script"], environment=_environment, files=lambda _: {"ask.py": ASK})
    monkeypatch.setattr("runs.execution.profiles.PROFILES", {"script": script})


def _environment(setting: Setting) -> dict[str, str]:
    access = setting.access or ModelAccess("", "", "", "")
    names = {"MODEL_URL": access.base_url, "MODEL_TOKEN": access.token, "MODEL_NAME": access.model}
    return {**names, "PYTHON": setting.interpreter}


def asking(*calls: str) -> str:
    """A prompt with a command for each of those calls: `INPUT OUTPUT [MODEL]`."""
    return "\n\n".join(f'```sh\n"$PYTHON" -I "$HOME/ask.py" {call}\n```' for call in calls)
