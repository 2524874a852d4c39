"""What is known of a project's doors: the routes that it answers and the places where its programs begin. Values only.

Lines count from 1; paths of files are relative to the repository, with `/`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Route:
    """One method of one address.

    `path` begins with `/` and keeps the framework's way to write parameters (`<int:pk>`, `{id}`, `:id`); a part of it
    that only running could tell is `…`. `method` is in capitals, ANY where all are taken. `handler` is as the code
    names it, empty where it has no name. `source` and `line` are where the route is declared, `handler_source` the file
    with the handler, None where that cannot be told. `framework` is django, flask, fastapi, express, rails, laravel,
    net/http, gorilla, chi, gin or echo.
    """

    path: str
    method: str
    handler: str
    source: str
    line: int
    framework: str
    handler_source: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class EntryPoint:
    """Where a program begins.

    `kind` is main, command, wsgi, asgi, console script, container, package main, package bin, package script or
    process. `name` is what a person calls it by; `source` and `line` are where that is said; `target` is the file that
    begins, None where it cannot be told.
    """

    kind: str
    name: str
    source: str
    line: int
    target: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class UnreadFile:
    """A file that could have held routes and was not understood, and why, in plain words."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class RoutesFound:
    """The doors of one commit, each in order: routes by path and method, entry points by kind, problems by path."""

    routes: tuple[Route, ...]
    entry_points: tuple[EntryPoint, ...]
    problems: tuple[UnreadFile, ...]
