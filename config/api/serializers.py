"""Serializers that refuse what they do not know: a misspelt member never passes silently."""

from typing import Any

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Unknown members: 422 code `unknown-member`. Read-only ones: 422 code `read-only`."""

    default_error_messages = {
        "unknown_member": "There is no such member.",
        "read_only": "This member can be read, not written.",
    }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            self._refuse_unknown(data)
        return super().to_internal_value(data)

    def _refuse_unknown(self, data: dict[str, Any]) -> None:
        errors: dict[str, list[serializers.ErrorDetail]] = {}
        for name in data:
            field = self.fields.get(name)
            if field is None or field.read_only:
                code = "unknown_member" if field is None else "read_only"
                message = str(self.error_messages[code])
                errors[str(name)] = [serializers.ErrorDetail(message, code=code)]
        if errors:
            raise serializers.ValidationError(errors)


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """The same for model serializers."""
