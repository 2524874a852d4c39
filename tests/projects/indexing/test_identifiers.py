"""How words are split so that both spellings of an identifier find it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.indexing.identifiers import added_tokens, split_identifiers

pytestmark = pytest.mark.plumbing


@pytest.mark.parametrize(
    ("word", "added"),
    [
        ("foo_bar", "foobar"),
        ("fooBar", "foo bar"),
        ("FooBar", "foo bar"),
        ("HTTPServer", "http server"),
        ("parseHTTP2Request", "parse http request"),
        ("MAX_SIZE", "maxsize"),
        ("plain", ""),
        ("_private", ""),
        ("x" * 101 + "Y", ""),
    ],
)
def test_what_the_tokenizer_lacks_is_added(word: str, added: str) -> None:
    assert added_tokens(word) == added


def test_a_text_keeps_its_words() -> None:
    assert split_identifiers("call fooBar(x)") == "call fooBar(x) foo bar"


@given(text=st.text(max_size=300))
def test_a_text_stays_at_the_beginning(text: str) -> None:
    assert split_identifiers(text).startswith(text)
