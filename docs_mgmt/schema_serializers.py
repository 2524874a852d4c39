"""The shape of a database schema, as docs_mgmt.generators.schema.shapes says what each member is."""

from typing import Any

from rest_framework import serializers


def _texts() -> serializers.ListField:
    return serializers.ListField(child=serializers.CharField(allow_blank=True))


class _SaidAt(serializers.Serializer[Any]):
    """What a line of the repository says."""

    path = serializers.CharField()
    line = serializers.IntegerField()


class ColumnSerializer(_SaidAt):
    """A column: its type as a database would call it, and as it is written."""

    name = serializers.CharField()
    type = serializers.CharField(allow_blank=True)
    raw_type = serializers.CharField(allow_blank=True)
    nullable = serializers.BooleanField()
    default = serializers.CharField(allow_null=True, allow_blank=True)


class TableIndexSerializer(_SaidAt):
    """An index or unique key."""

    name = serializers.CharField(allow_null=True)
    columns = _texts()
    unique = serializers.BooleanField()
    condition = serializers.CharField(allow_null=True)


class CheckSerializer(_SaidAt):
    """A check constraint, as it is written."""

    name = serializers.CharField(allow_null=True)
    expression = serializers.CharField()


class TableSerializer(_SaidAt):
    """A table; `confidence` is from 0 to 1, `alsoIn` the other kinds of source that tell of it."""

    database = serializers.CharField(allow_blank=True)
    name = serializers.CharField()
    columns = ColumnSerializer(many=True)
    primary_key = _texts()
    indexes = TableIndexSerializer(many=True)
    unique_keys = TableIndexSerializer(many=True)
    checks = CheckSerializer(many=True)
    source_kind = serializers.CharField()
    also_in = _texts()
    confidence = serializers.FloatField()


class RelationSerializer(_SaidAt):
    """A reference from columns of one table to those of another."""

    database = serializers.CharField(allow_blank=True)
    from_table = serializers.CharField()
    from_columns = _texts()
    to_table = serializers.CharField()
    to_columns = _texts()
    kind = serializers.CharField()
    on_delete = serializers.CharField(allow_null=True)
    is_enforced = serializers.BooleanField()


class PlaceSerializer(serializers.Serializer[Any]):
    """A line of a source, and what it says."""

    source_kind = serializers.CharField()
    path = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    says = serializers.CharField(allow_blank=True)


class DisagreementSerializer(serializers.Serializer[Any]):
    """What two sources say differently; the first is believed."""

    database = serializers.CharField(allow_blank=True)
    table = serializers.CharField()
    column = serializers.CharField(allow_null=True)
    about = serializers.CharField()
    believed = PlaceSerializer()
    other = PlaceSerializer()


class UnreadSerializer(serializers.Serializer[Any]):
    """A file, or a line of it, that is not in the schema, and why."""

    path = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()


class SchemaSourceSerializer(serializers.Serializer[Any]):
    """Files of one kind that tell of one database."""

    database = serializers.CharField(allow_blank=True)
    kind = serializers.CharField()
    path = serializers.CharField(allow_blank=True)
    files = serializers.IntegerField()
    tables = serializers.IntegerField()


class DatabaseSchemaSerializer(serializers.Serializer[Any]):
    """Tables and how they refer to each other, each with the file and line that says so; of which commit."""

    tables = TableSerializer(many=True)
    relations = RelationSerializer(many=True)
    disagreements = DisagreementSerializer(many=True)
    unread = UnreadSerializer(many=True)
    sources = SchemaSourceSerializer(many=True)
    commit = serializers.CharField()
    generated_at = serializers.DateTimeField()
