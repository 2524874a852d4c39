"""The shapes of what will be read from the code index, as the OpenAPI schema tells them."""

from typing import Any

from rest_framework import serializers


class MapRowSerializer(serializers.Serializer[Any]):
    """A file of the project."""

    path = serializers.CharField()
    language = serializers.CharField(allow_null=True)
    kind = serializers.CharField()
    size_bytes = serializers.IntegerField()
    lines = serializers.IntegerField()
    symbols = serializers.ListField()
    imports = serializers.ListField()
    purpose = serializers.CharField(allow_null=True)


class DatabaseSchemaSerializer(serializers.Serializer[Any]):
    """Tables and how they refer to each other, each with the file and line that says so."""

    tables = serializers.ListField(child=serializers.DictField())
    relations = serializers.ListField(child=serializers.DictField())


class DiagramsSerializer(serializers.Serializer[Any]):
    """Diagrams as markdown, and the commit that they are of."""

    markdown = serializers.CharField()
    generated_at = serializers.DateTimeField()
    commit = serializers.CharField()


class ChunkSerializer(serializers.Serializer[Any]):
    """A passage of a file; lines count from 1, both included."""

    start_line = serializers.IntegerField()
    end_line = serializers.IntegerField()
    snippet = serializers.CharField()
    symbol = serializers.CharField(allow_null=True)


class SearchRowSerializer(serializers.Serializer[Any]):
    """A file that was found."""

    path = serializers.CharField()
    language = serializers.CharField(allow_null=True)
    score = serializers.FloatField()
    why = serializers.CharField()
    chunks = ChunkSerializer(many=True)
