"""`bin/manage check_agent NAME`."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from settings_params.models import AgentProvider

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


def test_each_step_has_a_line_and_the_result_is_kept(db: None) -> None:
    out = StringIO()
    call_command("check_agent", "script", stdout=out)
    assert [line.split("  ")[0] for line in out.getvalue().splitlines()][:3] == ["sandbox", "handshake", "session"]
    row = AgentProvider.objects.get(key="script")
    assert (row.check_failure, row.checked_at is not None, row.enabled) == ("", True, True)


def test_json_has_the_steps(db: None) -> None:
    out = StringIO()
    call_command("check_agent", "script", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert (told["agent"], told["passed"], {step["outcome"] for step in told["steps"]}) == ("script", True, {"ok"})


def test_an_agent_that_is_not_known_is_refused_with_those_that_are(db: None) -> None:
    with pytest.raises(CommandError, match="script"):
        call_command("check_agent", "nobody")
