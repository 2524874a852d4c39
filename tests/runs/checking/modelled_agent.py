"""An agent over ACP that does what its model says, by Chat Completions; standard library only, started as a program.

Its first argument is the address of the API, the second its token, the third the model; with a fourth it asks first.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

URL, TOKEN, MODEL = sys.argv[1:4]
ASKS = len(sys.argv) > 4
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"properties": {member: {} for member in members}}}}
    for name, members in (("write", ("filePath", "content")), ("bash", ("command",)))
]
OPTIONS = [{"optionId": kind, "name": kind, "kind": kind} for kind in ("allow_once", "reject_once")]
answers: Queue[Any] = Queue()
messages: list[dict[str, Any]] = []
running: list[subprocess.Popen[str]] = []


def send(**message: Any) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def update(**content: Any) -> None:
    send(method="session/update", params={"sessionId": "one", "update": content})


def ask_model() -> dict[str, Any]:
    body = json.dumps({"model": MODEL, "messages": messages, "tools": TOOLS}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    connection = HTTPConnection(urlsplit(URL).netloc)
    connection.request("POST", f"{urlsplit(URL).path}/chat/completions", body, headers)
    return dict(json.load(connection.getresponse())["choices"][0]["message"])


def is_allowed(call: dict[str, Any]) -> bool:
    if ASKS:
        params = {"sessionId": "one", "toolCall": call, "options": OPTIONS}
        send(id=f"ask-{call['toolCallId']}", method="session/request_permission", params=params)
    return not ASKS or answers.get()["outcome"].get("optionId") == "allow_once"


def use(name: str, arguments: dict[str, str], call_id: str) -> str:
    if name == "write":
        call: dict[str, Any] = {"toolCallId": call_id, "title": "write", "kind": "edit"}
    else:
        call = {"toolCallId": call_id, "title": arguments["command"], "kind": "execute", "rawInput": arguments}
    update(sessionUpdate="tool_call", status="pending", **call)
    if not is_allowed(call):
        update(sessionUpdate="tool_call_update", toolCallId=call_id, status="failed")
        return "refused"
    if name == "write":
        Path(arguments["filePath"]).write_text(arguments["content"])
        update(sessionUpdate="tool_call_update", toolCallId=call_id, status="completed")
        return "written"
    process = subprocess.Popen(
        ["/bin/sh", "-c", arguments["command"]], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    running.append(process)
    output = process.communicate()[0]
    raw = {"stdout": output, "exit_code": process.returncode}
    update(sessionUpdate="tool_call_update", toolCallId=call_id, status="completed", rawOutput=raw)
    return output


def answer_prompt(request_id: int, text: str) -> None:
    try:
        turn(text)
    except Exception as error:
        send(id=request_id, error={"code": -32603, "message": repr(error)})
    else:
        send(id=request_id, result={"stopReason": "end_turn"})


def turn(text: str) -> None:
    messages.append({"role": "user", "content": text})
    while calls := (said := ask_model()).get("tool_calls"):
        messages.append(said)
        for call in calls:
            result = use(call["function"]["name"], json.loads(call["function"]["arguments"]), call["id"])
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": result})
    update(sessionUpdate="agent_message_chunk", content={"type": "text", "text": said["content"]})


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        method, params = message.get("method"), message.get("params") or {}
        if method == "initialize":
            send(id=message["id"], result={"protocolVersion": 1, "agentInfo": {"name": "modelled", "version": "1"}})
        elif method == "session/new":
            send(id=message["id"], result={"sessionId": "one"})
        elif method == "session/prompt":
            threading.Thread(
                target=answer_prompt, args=(message["id"], params["prompt"][0]["text"]), daemon=True
            ).start()
        elif method == "session/cancel":
            for process in running[-1:]:
                os.killpg(process.pid, signal.SIGKILL)
        elif method is None:
            answers.put(message["result"])


main()
