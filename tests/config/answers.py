"""What the tests of the doors say of an answer."""

from typing import Any

MEMBERS = {"type", "code", "title", "status", "detail", "instance"}


def problem(answer: Any) -> tuple[int, str]:
    """Status and code of a problem, once it is sure that it is a whole one (RFC 9457)."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    body = answer.json()
    assert set(body) >= MEMBERS, body
    assert body["type"].rsplit("/", 1)[-1] == body["code"]
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]


def pointers(answer: Any) -> dict[str, str]:
    """Pointer → code of a 422 `validation-failed`."""
    assert problem(answer) == (422, "validation-failed")
    return {error["pointer"]: error["code"] for error in answer.json()["errors"]}
