"""The usual way to a page of events, for comparison: model rows, a DRF serializer, the camel-casing renderer."""

from typing import Any

import orjson
from channels.db import database_sync_to_async
from channels.generic.http import AsyncHttpConsumer
from djangorestframework_camel_case.render import CamelCaseJSONRenderer
from rest_framework import serializers

from runs.models import AgentEvent


class EventSerializer(serializers.ModelSerializer[AgentEvent]):
    """The members of an event as the API has them."""

    message = serializers.SerializerMethodField()
    data = serializers.SerializerMethodField()  # type: ignore[assignment] # the member is called so

    class Meta:
        model = AgentEvent
        fields = (
            *("id", "run_id", "project_id", "seq", "attempt", "event_type", "severity", "path", "message", "data"),
            "created_at",
        )

    def get_message(self, event: AgentEvent) -> str:
        return str(self._public(event)["message"])

    def get_data(self, event: AgentEvent) -> Any:
        return self._public(event)["data"]

    def _public(self, event: AgentEvent) -> Any:
        return orjson.loads("{" + event.body)


def page(run: int, limit: int = 200) -> bytes:
    """The first events of a run, without any check of who asks."""
    rows = AgentEvent.objects.filter(run=run).order_by("id")[:limit]
    body = {"data": EventSerializer(rows, many=True).data, "meta": {"next_cursor": None}}
    content: bytes = CamelCaseJSONRenderer().render(body)
    return content


class SerializedPage(AsyncHttpConsumer):
    """Answers the page of the run whose id is the third part of the path."""

    async def handle(self, body: bytes) -> None:
        run = int(self.scope["path"].split("/")[3])
        content = await database_sync_to_async(page)(run)
        headers = [(b"Content-Type", b"application/json"), (b"Content-Length", b"%d" % len(content))]
        await self.send_response(200, content, headers=headers)  # type: ignore[no-untyped-call] # channels has no types
