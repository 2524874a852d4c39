"""Chooses the renderer; an error is rendered whatever `Accept` says."""

from collections.abc import Iterable
from typing import Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class ContentNegotiation(DefaultContentNegotiation):
    """DRF's own, with `application/problem+json` taken as JSON: a client that asks only for problems wants JSON."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        try:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        except NotAcceptable:
            if "application/problem+json" not in self.get_accept_list(request):
                raise
            first = next(iter(renderers))
            return first, str(first.media_type)
        return chosen

    def filter_renderers(self, renderers: Any, format: str) -> Any:  # noqa: A002 - the name is DRF's
        """There are no `?format=` suffixes: `format` is a query parameter like any other."""
        return renderers
