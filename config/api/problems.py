"""Problems: the one form in which every route reports an error (RFC 9457). Each kind is a class, named once.

`type` is the base address of the operator's choice and the problem's code; clients compare only `code`.
"""

import json
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError
from django.http import HttpResponse
from django.utils.encoding import escape_uri_path
from rest_framework import status
from rest_framework.exceptions import APIException

from config.api.params import read
from config.api.request_id import current_request_id

CONTENT_TYPE = "application/problem+json"


class Problem(APIException):
    """An error with a name. `members` become extension members of the answer, in camelCase."""

    title = "Bad request"
    status_code: int = status.HTTP_400_BAD_REQUEST
    default_code = "bad-request"
    default_detail = ""
    headers: dict[str, str] = {}

    def __init__(self, detail: str | None = None, **members: Any) -> None:
        self.members = members
        super().__init__(detail or self.default_detail or self.title, self.default_code)


class MalformedJson(Problem):
    title = "Body is not JSON"
    default_code = "malformed-json"


class InvalidParameter(Problem):
    title = "Parameter is not valid"
    default_code = "invalid-parameter"


class InvalidCursor(Problem):
    title = "Cursor is not valid"
    default_code = "invalid-cursor"
    default_detail = "The cursor is broken or belongs to another list. Start again without one."


class Unauthenticated(Problem):
    title = "Authentication needed"
    status_code = status.HTTP_401_UNAUTHORIZED
    default_code = "unauthenticated"
    default_detail = "Send a valid token: Authorization: Bearer {id}|{secret}."
    headers = {"WWW-Authenticate": "Bearer"}


class Forbidden(Problem):
    title = "Forbidden"
    status_code = status.HTTP_403_FORBIDDEN
    default_code = "forbidden"
    default_detail = "You may not do this."


class NotFound(Problem):
    title = "Not found"
    status_code = status.HTTP_404_NOT_FOUND
    default_code = "not-found"
    default_detail = "There is nothing here, or you may not see it."


class MethodNotAllowed(Problem):
    title = "Method not allowed"
    status_code = status.HTTP_405_METHOD_NOT_ALLOWED
    default_code = "method-not-allowed"


class NotAcceptable(Problem):
    title = "No acceptable form"
    status_code = status.HTTP_406_NOT_ACCEPTABLE
    default_code = "not-acceptable"


class PreconditionFailed(Problem):
    title = "The resource is not the one you know"
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_code = "precondition-failed"
    default_detail = "It has changed since the tag in If-Match. Get it again, then decide. Nothing was changed."


class BodyTooLarge(Problem):
    title = "Body too large"
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "body-too-large"


class UnsupportedMediaType(Problem):
    title = "Unsupported media type"
    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported-media-type"


class ValidationFailed(Problem):
    """Members of the body that do not fit: `errors: [{pointer, code, detail}]`, pointers as in RFC 6901."""

    title = "Validation failed"
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "validation-failed"
    default_detail = "Some members of the body are not acceptable: see errors."


class RateLimited(Problem):
    """Too many requests of one group; `Retry-After` is in seconds."""

    title = "Too many requests"
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "rate-limited"

    def __init__(self, limit: int, retry_after_seconds: int, detail: str | None = None) -> None:
        super().__init__(detail or f"There may be {limit} a minute. Try again in {retry_after_seconds} seconds.")
        self.headers = {"Retry-After": str(retry_after_seconds)}


class IdempotencyKeyReused(Problem):
    title = "Idempotency key was used for another request"
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency-key-reused"
    default_detail = "The body is not that of the first request with this key. Use a new key for a new request."


class IdempotencyInProgress(Problem):
    title = "The first request with this key is still running"
    status_code = status.HTTP_409_CONFLICT
    default_code = "idempotency-in-progress"
    default_detail = "Send the same request again in a moment: its answer will be the first one's."
    headers = {"Retry-After": "1"}


class ServerError(Problem):
    title = "Internal error"
    status_code = status.HTTP_500_INTERNAL_SERVER_ERROR
    default_code = "internal-error"
    default_detail = "Something failed in the server. Quote requestId when you report it."


def problem_types(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    """The registry: every kind of problem whose module has been imported. Names with `_` are bases, not kinds."""
    if not base.__name__.startswith("_"):
        yield base
    for each in base.__subclasses__():
        yield from problem_types(each)


def camel_case(name: str) -> str:
    """`lease_generation` → `leaseGeneration`."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _base_url() -> str:
    """Where the problems' pages are. A database that is away is itself a reason for problems: then a relative one."""
    try:
        return str(read("api.error_base_url")).rstrip("/")
    except DatabaseError:
        return "/errors"


def problem_body(problem: Problem, instance: str) -> dict[str, Any]:
    """The answer's members, in the order of RFC 9457, extension members last and in camelCase."""
    code = str(problem.default_code)
    body: dict[str, Any] = {
        "type": f"{_base_url()}/{code}",
        "code": code,
        "title": problem.title,
        "status": problem.status_code,
        "detail": str(problem.detail),
        "instance": escape_uri_path(instance),
    }
    if problem.status_code >= 500:
        body["requestId"] = current_request_id.get()
    return body | {camel_case(name): value for name, value in problem.members.items()}


def problem_response(problem: Problem, instance: str) -> HttpResponse:
    """A whole answer, for the places that Django REST framework does not reach."""
    body = json.dumps(problem_body(problem, instance), default=str)
    return HttpResponse(body, status=problem.status_code, content_type=CONTENT_TYPE, headers=problem.headers)
