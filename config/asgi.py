"""The ASGI application: event streams go to their consumer, everything else to Django."""

import os
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django import setup
from django.urls import URLPattern, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
setup(set_prefix=False)

from config.api.body_limit import limit_body  # noqa: E402 - these need Django to be set up
from config.api.cors import share_across_origins  # noqa: E402
from config.api.edge import answer_failures, refuse_socket, with_request_id  # noqa: E402
from config.handler import ThreadedHandler  # noqa: E402
from runs.stream.consumer import EventStreamConsumer  # noqa: E402


def _routes() -> list[URLPattern]:
    stream: Any = EventStreamConsumer.as_asgi()
    site: Any = limit_body(ThreadedHandler())  # Django's routes name views, those of channels whole applications
    return [
        re_path(r"^api/runs/(?P<run>[0-9]{1,18})/events/stream$", stream),
        re_path(r"^api/events/stream$", stream),
        re_path(r"", site),
    ]


application = ProtocolTypeRouter(
    {
        "http": with_request_id(share_across_origins(answer_failures(URLRouter(_routes())))),
        "websocket": refuse_socket,
    }
)
