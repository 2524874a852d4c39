"""Made projects for the tests of routes."""

from collections.abc import Mapping, Sequence
from textwrap import dedent

from docs_mgmt.generators.routes.finding import find_routes
from docs_mgmt.generators.routes.shapes import Route


class Files:
    """Files by path, as generators read them."""

    def __init__(self, files: Mapping[str, str | bytes | None]) -> None:
        self._files = {
            path: dedent(content).encode() if isinstance(content, str) else content for path, content in files.items()
        }

    def paths(self) -> Sequence[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes | None:
        return self._files[path]


def routes(files: Mapping[str, str | bytes | None]) -> list[Route]:
    return list(find_routes(Files(files)).routes)


def told(files: Mapping[str, str | bytes | None]) -> list[str]:
    """The routes as `METHOD /path handler`."""
    return [f"{each.method} {each.path} {each.handler}".strip() for each in routes(files)]
