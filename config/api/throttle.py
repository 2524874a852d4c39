"""Rate limits: one count a request, in one group, kept by django-ratelimit, told in headers.

The headers are those of the IETF draft `draft-ietf-httpapi-ratelimit-headers`: `RateLimit-Policy: "default";q=60;w=60`
and `RateLimit: "default";r=59;t=43`. Windows are fixed: a minute, which begins at another second for every caller.
"""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django_ratelimit.core import get_usage
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from config.api.params import read
from config.api.problems import RateLimited

WINDOW_SECONDS = 60
PARAMS = {
    "default": "limits.default_per_minute",
    "runs:start": "limits.run_start_per_minute",
    "streams:open": "limits.stream_opens_per_minute",
    "settings:write": "limits.settings_writes_per_minute",
    "logins:address": "limits.logins_per_minute",
    "logins:account": "limits.logins_per_minute",
}
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - stands for callers without an address, not bound to
_SPENT = "quarterdeck.usages"  # in the request's META, where a client's headers all begin with HTTP_

Group = str | Callable[[Request, Any], str]


@dataclass(frozen=True)
class Usage:
    """What one caller has used of one group in the present window, this request included."""

    group: str
    limit: int
    count: int
    seconds_left: int

    @property
    def is_over(self) -> bool:
        return self.count > self.limit

    def require_left(self) -> None:
        """Raises 429 `rate-limited` over the limit."""
        if self.is_over:
            raise RateLimited(self.limit, self.seconds_left)

    @property
    def policy(self) -> str:
        return f'"{self.group}";q={self.limit};w={WINDOW_SECONDS}'

    @property
    def state(self) -> str:
        return f'"{self.group}";r={max(0, self.limit - self.count)};t={self.seconds_left}'


def count(group: str, key: str, request: HttpRequest | None = None) -> Usage:
    """Counts one more for a caller, exact among threads and, by REDIS_URL, processes. `ip` is the request's address."""
    limit = int(read(PARAMS[group]))
    chosen = key if key == "ip" else lambda *_: key
    used = get_usage(request, group=group, key=chosen, rate=f"{limit}/m", increment=True)
    if used is None:  # the counter vanished between two calls, as when a full memory drops the oldest
        return Usage(group, limit, 1, WINDOW_SECONDS)
    return Usage(group, limit, used["count"], used["time_left"] + 1)  # a window includes its last second


def spend(request: HttpRequest, *usages: Usage) -> None:
    """Notes what the request has used, for its answer's headers; over the limit it is 429 `rate-limited`."""
    request.META.setdefault(_SPENT, []).extend(usages)
    for usage in usages:
        usage.require_left()


def headers_of(usages: Sequence[Usage]) -> dict[str, str]:
    """`RateLimit-Policy` and `RateLimit`, one item for each group; nothing without one."""
    if not usages:
        return {}
    return {
        "RateLimit-Policy": ", ".join(usage.policy for usage in usages),
        "RateLimit": ", ".join(usage.state for usage in usages),
    }


class GroupThrottle(BaseThrottle):
    """Counts a signed-in person's request once, in the group that the view declares beside its action.

    `view.limit_groups[action]` is a group, or a function of request and view that gives one; without: `default`.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        plain = request._request  # noqa: SLF001 - DRF's own way to what middleware sees
        if not getattr(request.user, "is_authenticated", False) or _SPENT in plain.META:
            return True
        group: Group = getattr(view, "limit_groups", {}).get(getattr(view, "action", None), "default")
        name = group if isinstance(group, str) else group(request, view)
        spend(plain, count(name, str(request.user.pk)))
        return True


class RateLimitHeaders:
    """Middleware: whatever became of the request, its answer tells what it has used."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in headers_of(request.META.get(_SPENT, [])).items():
            response.headers[name] = value
        return response


def client_address(request: HttpRequest) -> str:
    """Who is calling: the connection's other end or, behind the operator's proxy, the hop that this proxy has seen.

    That is the last one of `X-Forwarded-For`; whatever stands before it is the client's own word.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.IS_BEHIND_PROXY else ""
    for text in (forwarded.rpartition(",")[2], request.META.get("REMOTE_ADDR", "")):
        if address := _read_address(text.strip()):
            return address
    return ANY_ADDRESS


def _read_address(text: str) -> str | None:
    """An address without brackets, port or zone; IPv4 as IPv4, also where a socket for both shows it as IPv6."""
    bare = text[1:].partition("]")[0] if text.startswith("[") else text
    bare = bare.partition(":")[0] if bare.count(":") == 1 else bare
    try:
        address = ipaddress.ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)
