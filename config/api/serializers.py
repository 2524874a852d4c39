"""Serializers that refuse what they do not know: a misspelt member never passes silently, no value is reinterpreted."""

from functools import cache, cached_property
from typing import Any

from rest_framework import serializers

from config.api.numbers import is_whole

_JSON_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], type, str], ...] = (
    (serializers.CharField, str, "string"),
    (serializers.BooleanField, bool, "boolean"),
    (serializers.IntegerField, int, "whole number"),
)


class ShapeSerializer(serializers.Serializer[Any]):
    """What an answer has. DRF looks its fields up anew for every row; here they are found once."""

    @cached_property
    def _readable_fields(self) -> list[Any]:
        return [field for field in self.fields.values() if not field.write_only]


class StrictSerializer(ShapeSerializer):
    """Unknown members: 422 code `unknown-member`. Read-only ones: `read-only`. Of another JSON type: `wrong-type`.

    A text is as long as it was sent, also where blanks at its ends are then cut off: the document can say nothing else.
    """

    default_error_messages = {
        "unknown_member": "There is no such member.",
        "read_only": "This member can be read, not written.",
        "wrong_type": "This member is a {kind}.",
    }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            self._refuse_unknown(data)
        return super().to_internal_value(data)

    def _refuse_unknown(self, data: dict[str, Any]) -> None:
        faults = {str(name): self._fault(self.fields.get(name), value) for name, value in data.items()}
        if errors := {name: [fault] for name, fault in faults.items() if fault is not None}:
            raise serializers.ValidationError(errors)

    def _fault(self, field: Any, value: object) -> serializers.ErrorDetail | None:
        messages = self.error_messages
        if field is None:
            return serializers.ErrorDetail(str(messages["unknown_member"]), code="unknown_member")
        if field.read_only:
            return serializers.ErrorDetail(str(messages["read_only"]), code="read_only")
        if value is not None and (kind := _expected_instead(field, value)):
            return serializers.ErrorDetail(str(messages["wrong_type"]).format(kind=kind), code="wrong_type")
        if _is_too_long(field, value):
            message = field.error_messages["max_length"].format(max_length=field.max_length)
            return serializers.ErrorDetail(message, code="max_length")
        return None


def _is_too_long(field: Any, value: object) -> bool:
    limit = field.max_length if isinstance(field, serializers.CharField) else None
    return limit is not None and isinstance(value, str) and len(value) > limit


def _expected_instead(field: serializers.Field[Any, Any, Any, Any], value: object) -> str | None:
    """The name of the JSON type that the field takes, when the value is of another; DRF would convert it."""
    for kind, json_type, name in _JSON_TYPES:
        if isinstance(field, kind):
            return None if type(value) is json_type or (json_type is int and is_whole(value)) else name
    return None


class RowIdField(serializers.PrimaryKeyRelatedField[Any]):
    """The id of a row: an integer that fits a 64-bit column."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data == "":  # DRF would take it for null
            self.fail("incorrect_type", data_type="str")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> Any:
        if not is_whole(data) or not 0 < data < 2**63:
            self.fail("incorrect_type", data_type=type(data).__name__)
        return super().to_internal_value(int(data))


class StrictModelSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """The same for model serializers."""


def represent(kind: type[serializers.BaseSerializer[Any]], instance: Any) -> Any:
    """What a serializer makes of a row, by one serializer a process: building its fields costs more than using them.

    For serializers that read nothing but the row: there is no context.
    """
    hashable: Any = kind
    return _built(hashable).to_representation(instance)


@cache
def _built(kind: Any) -> serializers.BaseSerializer[Any]:
    built: serializers.BaseSerializer[Any] = kind()
    return built
