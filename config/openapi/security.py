"""How callers prove who they are."""

from typing import Any

Schema = dict[str, Any]
SCHEMES: dict[str, Schema] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token, RFC 6750: `{id}|{secret}`."},
    "console": {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "Safe methods only."},
}
TOKEN: list[Schema] = [{"token": []}]
TOKEN_OR_CONSOLE: list[Schema] = [{"token": []}, {"console": []}]
