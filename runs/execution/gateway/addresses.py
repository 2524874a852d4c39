"""Where a call goes: the path that the agent asked for, put onto the vendor's one configured address."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from yarl import URL

from .errors import CallRefused
from .vendors import VENDORS, Route, Vendor

_PATH = re.compile(r"/(?P<vendor>[a-z]+)(/(?P<version>v\d\w*))?/(?P<rest>.+)")
_VERSION = re.compile(r"v\d\w*")
KEY_PARAMETERS = frozenset({"key", "api_key", "access_token"})


@dataclass(frozen=True)
class Target:
    """What an agent asks for: `/{vendor}[/{version}]/{rest}`."""

    key: str
    vendor: Vendor
    version: str
    rest: str
    route: Route
    model: str


def vendor_in(path: str) -> str:
    """The vendor that a path begins with, known or not."""
    return path[1:].partition("/")[0]


def target(method: str, raw_path: str) -> Target:
    """What a request asks for; CallRefused (404) when the gateway does not pass that on.

    The path is taken as it came and must match a route letter by letter: nothing of it is decoded or normalised.
    """
    found = _PATH.fullmatch(raw_path)
    vendor = VENDORS.get(found["vendor"]) if found else None
    if found is None or vendor is None:
        raise CallRefused(404, f"The gateway has /{'/, /'.join(VENDORS)}/ and nothing else.")
    for route in vendor.routes:
        match = route.match(method, found["rest"])
        if match is not None:
            model = match.groupdict().get("model") or ""
            return Target(found["vendor"], vendor, found["version"] or vendor.version, found["rest"], route, model)
    raise CallRefused(404, f"The gateway does not pass on {method} {raw_path[:200]}: it is no call that agents need.")


def address(wanted: Target, base_url: str, query: str) -> URL:
    """The full address below the base URL, which may end in its version (`…/v1`) or not; keys in the query are gone."""
    base = base_url.rstrip("/")
    segments = URL(base).path.split("/")[1:]
    looked_at = segments if wanted.vendor.has_version_anywhere else segments[-1:]
    has_version = any(_VERSION.fullmatch(segment) for segment in looked_at)
    path = wanted.rest if has_version else f"{wanted.version}/{wanted.rest}"
    parameters = [(name, value) for name, value in parse_qsl(query, True) if name.lower() not in KEY_PARAMETERS]
    return URL(f"{base}/{path}" + (f"?{urlencode(parameters)}" if parameters else ""), encoded=True)
