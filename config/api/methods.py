"""For plain Django views, which have no DRF: other methods than they take are refused as problems."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from rest_framework.permissions import SAFE_METHODS

from config.api.problems import MethodNotAllowed, problem_response

View = Callable[..., HttpResponseBase]


def require_safe(view: View) -> View:
    """The view for GET and HEAD; 405 `method-not-allowed` for the rest."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method in SAFE_METHODS and request.method != "OPTIONS":
            return view(request, *args, **kwargs)
        response = problem_response(MethodNotAllowed(f"{request.method} is not allowed here."), request.path)
        response.headers["Allow"] = "GET, HEAD"
        return response

    # Django asks for a token before the guard can answer; a view that only reads needs none.
    guarded.csrf_exempt = True  # type: ignore[attr-defined]
    return guarded
