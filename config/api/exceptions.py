"""Turns any exception of a view into a problem. drf-standardized-errors collects; this file only words the result."""

from typing import Any

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from djangorestframework_camel_case.settings import api_settings
from djangorestframework_camel_case.util import camelize
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import exception_handler as standardized_handler
from drf_standardized_errors.types import Error, ErrorResponse, ExceptionHandlerContext
from rest_framework import exceptions
from rest_framework.response import Response

from config.api import problems
from config.api.renderers import JSONRenderer

_KNOWN: tuple[tuple[type[exceptions.APIException], type[problems.Problem]], ...] = (
    (exceptions.ParseError, problems.MalformedJson),
    (exceptions.NotAuthenticated, problems.Unauthenticated),
    (exceptions.AuthenticationFailed, problems.Unauthenticated),
    (exceptions.PermissionDenied, problems.Forbidden),
    (exceptions.NotFound, problems.NotFound),
    (exceptions.MethodNotAllowed, problems.MethodNotAllowed),
    (exceptions.NotAcceptable, problems.NotAcceptable),
    (exceptions.UnsupportedMediaType, problems.UnsupportedMediaType),
)
_MALFORMED = "The request is malformed."


class ProblemFormatter(ExceptionFormatter):
    """The body of one error answer, as `config.api.problems` lays it out."""

    def format_error_response(self, error_response: ErrorResponse) -> dict[str, Any]:
        request = self.context["request"]
        return problems.problem_body(self._problem(error_response), "" if request is None else request.path)

    def _problem(self, error_response: ErrorResponse) -> problems.Problem:
        if isinstance(self.exc, problems.Problem):
            return self.exc
        if isinstance(self.exc, exceptions.ValidationError):
            return problems.ValidationFailed(errors=[_entry(error) for error in error_response.errors])
        if self.exc.status_code >= 500:
            return problems.ServerError()
        for known, problem in _KNOWN:
            if isinstance(self.exc, known):
                return problem(str(self.exc.detail) if known is not exceptions.NotAuthenticated else None)
        return problems.Problem(str(self.exc.detail))


def _entry(error: Error) -> dict[str, str]:
    """One row of `errors`. The camel-case library wants keys, so the path's parts are passed to it as keys."""
    parts = [] if error.attr in (None, "non_field_errors") else str(error.attr).split("/")
    cased = [next(iter(camelize({part: 0}, **api_settings.JSON_UNDERSCOREIZE))) for part in parts]
    pointer = "".join("/" + part.replace("~", "~0") for part in cased if part != "nonFieldErrors")
    return {"pointer": pointer, "code": error.code.replace("_", "-"), "detail": error.detail}


def exception_handler(exc: Exception, context: ExceptionHandlerContext) -> Response | None:
    """DRF's hook: the problem with its content type and headers. The renderer leaves its keys alone."""
    if isinstance(exc, SuspiciousOperation):
        exc = problems.BodyTooLarge() if isinstance(exc, RequestDataTooBig) else problems.Problem(_MALFORMED)
    response = standardized_handler(exc, context)
    if response is None:
        return None
    request: Any = context["request"]
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), problems.CONTENT_TYPE
    status_code = response.data["status"]
    response.status_code = status_code
    response.content_type = problems.CONTENT_TYPE
    default = problems.Unauthenticated.headers if status_code == 401 else {}
    for name, value in getattr(exc, "headers", default).items():
        response[name] = value
    return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's `handler404`: no route fits."""
    return problems.problem_response(problems.NotFound("There is no such route."), request.path)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's `handler400`: the request itself is suspicious."""
    return problems.problem_response(problems.Problem(_MALFORMED), request.path)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Django's `handler403`."""
    return problems.problem_response(problems.Forbidden(), request.path)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: an error outside every view."""
    return problems.problem_response(problems.ServerError(), request.path)
