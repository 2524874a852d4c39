"""The shapes of managed documents."""

from typing import Any

from rest_framework import serializers


class DocumentSerializer(serializers.Serializer[Any]):
    """A managed document. `lastUpdatedAt` and `commit` are those of the commit that it was read from."""

    slug = serializers.CharField(source="doc.slug")
    title = serializers.CharField(source="doc.title")
    path = serializers.CharField(source="doc.path")
    last_updated_at = serializers.DateTimeField()
    commit = serializers.CharField()
    stale = serializers.BooleanField(allow_null=True, help_text="Null: nothing is known to compare it with.")


class DocumentDetailSerializer(DocumentSerializer):
    """A managed document with its text."""

    markdown = serializers.SerializerMethodField()

    def get_markdown(self, _: object) -> str:
        return str(self.context["markdown"])


class ChangelogEntrySerializer(serializers.Serializer[Any]):
    """What one run has changed, as told in CHANGELOG_AI.md; people may have edited it, or taken out parts of it."""

    run_id = serializers.IntegerField()
    date = serializers.DateTimeField(allow_null=True, help_text="Null where it cannot be read.")
    title = serializers.CharField()
    summary = serializers.CharField(help_text="Markdown: the agent's last words.")
    why = serializers.CharField(help_text="How the prompt begins.")
    files = serializers.ListField(child=serializers.CharField())
    agent = serializers.CharField()
    model = serializers.CharField(allow_null=True)
    branch = serializers.CharField()
    tests = serializers.ListField(child=serializers.CharField(), help_text="A command and how its tests went.")
    risks = serializers.ListField(child=serializers.CharField(), help_text="A rule, its severity, what it found.")
