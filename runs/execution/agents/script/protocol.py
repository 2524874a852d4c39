"""One end of a JSON-RPC 2.0 connection over newline-delimited JSON; knows no ACP method and never guesses at one.

Written against the standard library because the agent must answer within a fraction of a second of its start, and
the ACP SDK alone takes one second to import.
"""

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

Json = dict[str, Any]
Work = Callable[[], Json]
Handler = Callable[[Json], Json | Work]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
_POLL_SECONDS = 0.05


class RpcError(Exception):
    """An error answer (JSON-RPC 2.0, section 5.1); ``data["reason"]`` is the plain sentence for people."""

    def __init__(self, code: int, message: str, reason: str | None = None) -> None:
        super().__init__(reason or message)
        self.code = code
        self.message = message
        self.reason = reason

    def as_json(self) -> Json:
        """The ``error`` member of an answer."""
        answer: Json = {"code": self.code, "message": self.message}
        return answer | {"data": {"reason": self.reason}} if self.reason else answer


class CallCancelled(Exception):
    """The turn that waited for an answer was cancelled."""


class _PendingCall:
    def __init__(self) -> None:
        self.is_answered = threading.Event()
        self.message: Json = {}


class Peer:
    """Reads requests in the calling thread; anything may be sent from any thread, one whole line at a time."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source = source
        self._sink = sink
        self._writing = threading.Lock()
        self._calls: dict[int, _PendingCall] = {}
        self._last_call_id = 0

    def serve(self, requests: Mapping[str, Handler], notifications: Mapping[str, Callable[[Json], None]]) -> None:
        """Answer until the other side closes. A handler may return Work, which is then done in a thread of its own."""
        while line := self._source.readline():
            if not line.strip():
                continue
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                self._send({"id": None, "error": RpcError(PARSE_ERROR, "Not JSON").as_json()})
                continue
            self._receive(message, requests, notifications)

    def notify(self, method: str, params: Json) -> None:
        """Send a notification."""
        self._send({"method": method, "params": params})

    def call(self, method: str, params: Json, is_cancelled: threading.Event) -> Json:
        """Ask the other side and wait for its result; raises RpcError or CallCancelled."""
        pending = _PendingCall()
        with self._writing:
            self._last_call_id += 1
            call_id = self._last_call_id
            self._calls[call_id] = pending
        self._send({"id": call_id, "method": method, "params": params})
        try:
            while not pending.is_answered.wait(_POLL_SECONDS):
                if is_cancelled.is_set():
                    raise CallCancelled
        finally:
            self._calls.pop(call_id, None)
        return _result(pending.message)

    def _receive(
        self, message: Any, requests: Mapping[str, Handler], notifications: Mapping[str, Callable[[Json], None]]
    ) -> None:
        if not isinstance(message, dict):
            self._send({"id": None, "error": RpcError(INVALID_REQUEST, "Not a request object").as_json()})
        elif "method" not in message:
            self._resolve(message)
        elif "id" in message:
            self._answer(message, requests)
        else:
            self._take_notice(message, notifications)

    def _resolve(self, message: Json) -> None:
        call_id = message.get("id")
        pending = self._calls.get(call_id) if isinstance(call_id, int) else None
        if pending is not None:
            pending.message = message
            pending.is_answered.set()

    def _take_notice(self, message: Json, notifications: Mapping[str, Callable[[Json], None]]) -> None:
        handler = notifications.get(str(message["method"]))
        params = message.get("params")
        if handler is not None and isinstance(params, dict):
            handler(params)

    def _answer(self, message: Json, requests: Mapping[str, Handler]) -> None:
        request_id = message["id"]
        handler = requests.get(str(message["method"]))
        params = message.get("params") or {}
        if handler is None:
            self._send_error(request_id, RpcError(METHOD_NOT_FOUND, f"There is no method {message['method']!r}"))
        elif not isinstance(params, dict):
            self._send_error(request_id, RpcError(INVALID_PARAMS, "params must be an object"))
        else:
            self._run(request_id, lambda: handler(params))

    def _run(self, request_id: Any, handle: Callable[[], Json | Work]) -> None:
        try:
            result = handle()
        except RpcError as error:
            self._send_error(request_id, error)
        except Exception as error:
            reason = f"The script agent has a defect: {type(error).__name__}: {error}"
            self._send_error(request_id, RpcError(INTERNAL_ERROR, "Internal error", reason))
        else:
            if isinstance(result, dict):
                self._send({"id": request_id, "result": result})
            else:
                threading.Thread(target=self._run, args=(request_id, result), daemon=True).start()

    def _send_error(self, request_id: Any, error: RpcError) -> None:
        self._send({"id": request_id, "error": error.as_json()})

    def _send(self, message: Json) -> None:
        line = json.dumps({"jsonrpc": "2.0"} | message, separators=(",", ":")).encode("ascii") + b"\n"
        with self._writing, suppress(BrokenPipeError):  # the client is gone: the end of its requests says so too
            self._sink.write(line)
            self._sink.flush()


def _result(message: Json) -> Json:
    error = message.get("error")
    if isinstance(error, dict):
        raise RpcError(INTERNAL_ERROR, "Refused by the client", str(error.get("message", "no reason given")))
    result = message.get("result")
    return result if isinstance(result, dict) else {}
