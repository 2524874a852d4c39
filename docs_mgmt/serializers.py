"""The shapes of managed documents."""

from typing import Any

from rest_framework import serializers


class DocumentProblemSerializer(serializers.Serializer[Any]):
    """Why a document was left alone, and at which of its lines; null where it is about the whole."""

    message = serializers.CharField()
    line = serializers.IntegerField(allow_null=True)


class DocumentSerializer(serializers.Serializer[Any]):
    """A managed document: the generated one where there is one, else the repository's own."""

    slug = serializers.CharField(source="doc.slug")
    title = serializers.CharField(source="doc.title")
    path = serializers.CharField(source="doc.path")
    origin = serializers.ChoiceField(
        ["generated", "repository"], allow_null=True, help_text="Where the text is from; null: there is none yet."
    )
    last_updated_at = serializers.DateTimeField(allow_null=True)
    commit = serializers.CharField(allow_null=True, help_text="What it was made of, or read at.")
    stale = serializers.BooleanField(
        allow_null=True,
        help_text="Whether the repository's own file at the head commit is not this text, or this is of another "
        "commit. Null: nothing was generated.",
    )
    problem = DocumentProblemSerializer(allow_null=True)


class DocumentDetailSerializer(DocumentSerializer):
    """A managed document with its text."""

    markdown = serializers.SerializerMethodField()

    def get_markdown(self, _: object) -> str:
        return str(self.context["markdown"])


class DiagramsSerializer(serializers.Serializer[Any]):
    """Diagrams as Markdown with Mermaid, and the commit that they are of."""

    markdown = serializers.CharField()
    generated_at = serializers.DateTimeField()
    commit = serializers.CharField()


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
