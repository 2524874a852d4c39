"""The shape of a summary, as it is stored with an attempt (runs.execution.summary). It describes, nothing else."""

from typing import Any

from rest_framework import serializers

from runs.shapes import ChangedFileSerializer, DiffStatsSerializer, UsageSerializer
from runs.summary_rules.risks import RULES

KINDS = ["source", "test", "config", "migration", "docs", "asset", "generated"]
_NOT_SAID = "Null where its output did not say."


class SummaryFileSerializer(ChangedFileSerializer):
    """A changed file of a summary."""

    old_path = serializers.CharField(allow_null=True)
    kind = serializers.ChoiceField(KINDS)
    binary = serializers.BooleanField()


class KindSerializer(DiffStatsSerializer):
    """Sums over the changed files of a kind."""

    kind = serializers.ChoiceField(KINDS)


class RiskSerializer(serializers.Serializer[Any]):
    """What a rule has found that a reviewer may want to look at."""

    rule = serializers.ChoiceField([*RULES], help_text="More may come.")
    severity = serializers.ChoiceField(["low", "medium", "high"])
    message = serializers.CharField()
    paths = serializers.ListField(child=serializers.CharField(), help_text="At most 20.")
    files = serializers.IntegerField(help_text="How many files there are in all.")


class RanTestsSerializer(serializers.Serializer[Any]):
    """Tests that a command has run."""

    command_id = serializers.IntegerField()
    command = serializers.CharField(help_text="The part of its line that ran them.")
    cwd = serializers.CharField(help_text="Where, after a `cd` in that line.")
    framework = serializers.CharField(help_text="`pytest`, `jest`, `go` …; of a runner that tells no counts its name.")
    outcome = serializers.ChoiceField(["passed", "failed", "unknown"], help_text="By the exit code where it tells.")
    passed = serializers.IntegerField(allow_null=True, help_text=_NOT_SAID)
    failed = serializers.IntegerField(allow_null=True, help_text=f"Errors too. {_NOT_SAID}")
    skipped = serializers.IntegerField(allow_null=True, help_text=_NOT_SAID)
    duration_ms = serializers.IntegerField(allow_null=True, help_text=_NOT_SAID)
    exit_code = serializers.IntegerField(allow_null=True)


class CommandCountsSerializer(serializers.Serializer[Any]):
    """How many commands there were."""

    total = serializers.IntegerField()
    failed = serializers.IntegerField()


class SummarySerializer(serializers.Serializer[Any]):
    """What came of an attempt."""

    run_id = serializers.IntegerField()
    tree = serializers.CharField(allow_null=True, help_text="The tree's id in Git.")
    outcome = serializers.CharField(help_text="`completed`, `failed` or `cancelled`.")
    overview = serializers.CharField(help_text="The agent's last words, else made from what happened.")
    stats = DiffStatsSerializer()
    kinds = KindSerializer(many=True)
    changed_files = SummaryFileSerializer(many=True, help_text="By path, at most 1,000.")
    risks = RiskSerializer(many=True, help_text="The gravest first.")
    tests = RanTestsSerializer(many=True, help_text="In their order, the last 100.")
    docs = serializers.ListField(child=serializers.CharField(), help_text="The paths of changed documents.")
    commands = CommandCountsSerializer()
    usage = UsageSerializer()
    generated_at = serializers.DateTimeField()
