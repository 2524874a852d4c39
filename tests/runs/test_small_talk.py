"""Which messages say nothing that could be looked for in the code."""

import pytest

from runs.execution.small_talk import is_small_talk

pytestmark = pytest.mark.plumbing


@pytest.mark.parametrize(
    ("text", "is_small"),
    [
        ("", True),
        ("thanks", True),
        ("Thank you very much, that looks great!", True),
        ("go on", True),
        ("Yes, please do that.", True),
        ("Why did you do that?", True),
        ("yes/no", True),
        ("Commit it and run the tests again", True),
        ("👍", True),
        ("Add logging to the importer", False),
        ("mend refund_order", False),
        ("and OrderStore?", False),
        ("/login", False),
        ("also views.py", False),
        ("`cancel` too", False),
    ],
)
def test_small_talk_is_told_from_what_can_be_looked_for(text: str, is_small: bool) -> None:
    assert is_small_talk(text) is is_small
