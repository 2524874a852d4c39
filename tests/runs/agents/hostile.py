"""Small agents that speak the protocol badly: the beginning that their scripts share, and how a run is given one."""

import sys
import textwrap
from pathlib import Path
from typing import Any

from runs.execution.interpreter import interpreter_folders

PRELUDE = """
import json, os, sys, time

def read():
    return json.loads(sys.stdin.readline() or sys.exit())

def write(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0"} | message) + "\\n")

def flush():
    sys.stdout.flush()

def answer(result):
    request = read()
    write({"id": request["id"], "result": result})
    flush()
    return request

def update(payload):
    write({"method": "session/update", "params": {"sessionId": "s", "update": payload}})

def say(text):
    update({"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}})

def shake_hands():
    answer({"protocolVersion": 1})
    answer({"sessionId": "s"})
    return read()["id"]

def end(prompt_id, reason="end_turn"):
    write({"id": prompt_id, "result": {"stopReason": reason}})
    flush()

def ask(call, request_id=9):
    options = [{"optionId": "yes", "name": "Yes", "kind": "allow_once"},
               {"optionId": "no", "name": "No", "kind": "reject_once"}]
    write({"id": request_id, "method": "session/request_permission",
           "params": {"sessionId": "s", "toolCall": call, "options": options}})
    flush()
"""


def agent(body: str) -> tuple[str, ...]:
    """The command of an agent that does this."""
    return (sys.executable, "-I", "-c", PRELUDE + textwrap.dedent(body))


def record(folder: Path, body: str) -> dict[str, Any]:
    """It as an entry of `providers.custom_agents`, its script in that folder."""
    folder.mkdir(exist_ok=True)
    script = folder / "agent.py"
    script.write_text(PRELUDE + textwrap.dedent(body))
    folders = [str(each) for each in (*interpreter_folders(), folder)]
    command = [sys.executable, "-I", str(script)]
    return {"key": "hostile", "name": "Hostile", "command": command, "safeMode": "", "folders": folders}
