"""An agent over ACP that tells of as many tool calls as its prompt says, as fast as it can write; it does none."""

import json
import sys


def send(**message: object) -> None:
    """One line of JSON-RPC."""
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")


def flood(count: int) -> None:
    """Half of the updates begin a tool call, half end one."""
    for number in range(count // 2):
        call = {"toolCallId": str(number), "title": f"Look at file {number}", "kind": "read"}
        for update in (
            {"sessionUpdate": "tool_call", "status": "in_progress", **call},
            {"sessionUpdate": "tool_call_update", "toolCallId": str(number), "status": "completed"},
        ):
            send(method="session/update", params={"sessionId": "flood", "update": update})


def main() -> None:
    """Answer until the client leaves."""
    answers = {"initialize": {"protocolVersion": 1}, "session/new": {"sessionId": "flood"}}
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("method") == "session/prompt":
            flood(int(message["params"]["prompt"][0]["text"]))
            send(id=message["id"], result={"stopReason": "end_turn"})
        elif message.get("method") in answers:
            send(id=message["id"], result=answers[message["method"]])
        sys.stdout.flush()


if __name__ == "__main__":
    main()
