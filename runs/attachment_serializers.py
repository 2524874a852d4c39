"""The shapes of attachments: what is shown of one, and how a prompt or message names its own."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.numbers import is_whole
from config.api.serializers import ShapeSerializer

MOST_ATTACHED = 10
LARGEST_ID = 2**63 - 1
_ID = {"type": "integer", "minimum": 1, "maximum": LARGEST_ID}


@extend_schema_field({"type": "array", "items": _ID, "maxItems": MOST_ATTACHED, "uniqueItems": True})
class AttachmentIdsField(serializers.ListField):
    """Ids of attachments that are not used yet, each once; whose they are is looked at where they are taken."""

    default_error_messages = {"duplicate": "An attachment stands here twice."}

    def __init__(self, **options: Any) -> None:
        self.child = _IdField(min_value=1, max_value=LARGEST_ID)
        super().__init__(required=False, max_length=MOST_ATTACHED, **options)

    def to_internal_value(self, data: Any) -> list[int]:
        ids: list[int] = super().to_internal_value(data)
        if len(set(ids)) < len(ids):
            self.fail("duplicate")
        return ids


class _IdField(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if not is_whole(data):
            raise serializers.ValidationError("This is no whole number.", code="wrong_type")
        return int(data)


class AttachedSerializer(ShapeSerializer):
    """A file that belongs to a prompt or message."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    media_type = serializers.CharField(help_text="By its bytes: `image/png`, `image/jpeg`, `image/gif`, `image/webp`, "
                                       "`application/pdf`, `text/plain`, or `application/octet-stream`.")  # fmt: skip
    size_bytes = serializers.IntegerField()
    sha256 = serializers.CharField()
    created_at = serializers.DateTimeField()


class AttachmentSerializer(AttachedSerializer):
    """The same with where its content is: a signed address, good for ten minutes."""

    run_id = serializers.IntegerField(allow_null=True, help_text="Null while no prompt or message has it.")
    content_url = serializers.CharField()
