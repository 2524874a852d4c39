"""What the check of an agent means for its availability."""

from rest_framework.test import APIClient

from settings_params.services.providers import note_check
from tests.settings_params.conftest import Programs
from tests.settings_params.test_providers import missing


def test_an_agent_that_did_not_pass_is_not_available(api: APIClient, programs: Programs) -> None:
    programs.install("claude-agent-acp", "echo 1.0")
    note_check("claude", "exit code: it did not arrive")
    assert "It did not pass its check (exit code: it did not arrive)" in missing(api, "claude")


def test_a_check_says_nothing_of_what_was_installed_after_it(api: APIClient, programs: Programs) -> None:
    programs.install("claude-agent-acp", "echo 1.0")
    note_check("claude", "exit code: it did not arrive")
    programs.install("claude-agent-acp", "echo 1.0.1")
    assert "check" not in missing(api, "claude")


def test_a_check_that_was_passed_makes_up_for_one_that_was_not(api: APIClient, programs: Programs) -> None:
    programs.install("claude-agent-acp", "echo 1.0")
    note_check("claude", "exit code: it did not arrive")
    note_check("claude", "")
    assert "check" not in missing(api, "claude")
