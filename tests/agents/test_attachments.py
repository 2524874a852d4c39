"""What each real agent tells its model of the files that come with a prompt."""

import base64

import pytest

from tests.agents.scripts import script
from tests.agents.served import AgentRun, Served

pytestmark = pytest.mark.agents
SEEING = ("opencode", "claude", "codex")
"""Agents whose model has the image too; the others are told where it is."""
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def upload(real: Served, name: str, data: bytes) -> int:
    answer = real.client.http.post(f"/api/attachments?name={name}", content=data)
    assert answer.is_success, answer.text
    return int(answer.json()["id"])


def test_its_model_is_told_of_what_is_attached(real: Served) -> None:
    ids = [upload(real, "shot.png", base64.b64decode(PNG)), upload(real, "word.txt", b"The word is xylophone.")]
    asked_before = len(real.model.requests)
    body = {"projectId": real.project, "title": "Try", "prompt": script("@@say Seen."), "safeMode": False}
    made = real.client.post("/runs", selectedAgent=real.agent, attachmentIds=ids, start=True, **body)
    run = AgentRun(real, int(made["id"]))
    done = run.end()
    assert done["status"] == "completed", done["error"]
    heard = "\n".join(request.text for request in real.model.requests[asked_before:])
    assert ("-shot.png (image/png" in heard, "xylophone" in heard) == (True, True)
    assert real.agent not in SEEING or PNG[:40] in heard
    assert run.rows("files") == []
