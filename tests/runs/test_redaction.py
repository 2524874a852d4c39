"""Secret values in text: found however they are written and however the text is cut."""

import base64
import binascii
import json
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runs.redaction import ByteStream, Redactor

pytestmark = pytest.mark.plumbing
KEY = "sk-ant-api03-Qm9vIQ/x+z"
ODD = 'pa"ss\\wörd/+?'
SSH_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nQyNTUxOQAAACBhc3Vua25vd24\n-----END-----\n"
SECRETS = Redactor({"key": KEY, "odd": ODD, "ab": "abababab", "longer": "ababababcd", "file": SSH_KEY})
ENCODED = base64.b64encode(KEY.encode()).decode()
PARTS = st.sampled_from([KEY, ODD, "abababab", "ababababcd", KEY[:9], ODD[:5], "ab", "\n", "ö", quote(KEY, "")]) | (
    st.sampled_from([ENCODED, KEY.encode().hex(), ENCODED[:2], ENCODED[2:12], ENCODED[12:], "\r", "\\n", "\\"])
)
TEXTS = st.lists(PARTS | st.text(max_size=8), max_size=12).map("".join)


@given(TEXTS, st.lists(st.integers(1, 9), min_size=1))
def test_pieces_of_any_length_give_what_the_whole_gives(text: str, lengths: list[int]) -> None:
    stream, told, left = SECRETS.stream(), "", text
    while left:
        length = lengths[len(left) % len(lengths)]
        told += stream.take(left[:length])
        left = left[length:]
    assert told + stream.finish() == SECRETS.text(text)


def test_halves_of_a_character_come_together_again() -> None:
    stream = SECRETS.stream()
    told = [stream.take(piece) for piece in ("a\ud83c", "\udf89b\ud83c", "\ud83c\udf89")]
    assert (told, stream.finish()) == (["a", "\U0001f389b", "\ud83c\U0001f389"], "")


@given(TEXTS)
def test_a_secret_is_in_the_bytes_of_a_text_where_it_is_in_the_text(text: str) -> None:
    written = text.encode("utf-8", "replace")
    assert SECRETS.is_in_bytes(written) == SECRETS.is_in(written.decode())


@given(TEXTS, st.integers(1, 9))
def test_bytes_are_as_text(text: str, length: int) -> None:
    stream, content = ByteStream(SECRETS), text.encode("utf-8", "replace")
    pieces = [stream.take(content[at : at + length]) for at in range(0, len(content), length)]
    told = b"".join(pieces) + stream.finish()
    assert told.decode("utf-8", "replace") == SECRETS.text(content.decode())


@given(TEXTS)
def test_no_secret_is_left_and_nothing_more_to_do(text: str) -> None:
    shown = SECRETS.text(text)
    assert not SECRETS.is_in(shown)
    assert SECRETS.text(shown) == shown


@pytest.mark.parametrize("value", [KEY, ODD])
@pytest.mark.parametrize(
    "name", ["plain", "json", "ascii", "slashes", "address", "path", "lower", "basic0", "basic1", "basic2"]
)
def test_a_value_is_known_in_every_usual_form(value: str, name: str) -> None:
    forms = {"plain": value, "json": json.dumps(value, ensure_ascii=False), "ascii": json.dumps(value)}
    forms["slashes"] = forms["ascii"].replace("/", "\\/")
    forms["address"], forms["path"] = f"https://{quote(value, '')}@host", f"https://host/{quote(value)}"
    forms["lower"] = re.sub("%..", lambda escape: escape[0].lower(), forms["address"])
    for count in range(3):
        forms[f"basic{count}"] = base64.b64encode(f"{'u' * count}{value}:more".encode()).decode()
    assert "[redacted: " in SECRETS.text(forms[name])


@pytest.mark.parametrize("value", [KEY, ODD])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\\n"])
@pytest.mark.parametrize("width", [60, 64, 76])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.b16encode, binascii.hexlify])
def test_a_value_is_known_wherever_a_line_ends_in_its_encoding(
    value: str, end: str, width: int, encode: Callable[[bytes], bytes]
) -> None:
    written = value.encode()
    for count in range(width):
        text = encode(b"u" * count + written + b":more").decode()
        lines = [text[at : at + width] for at in range(0, len(text), width)]
        shown = SECRETS.text(end.join(lines)).replace(end, "")
        assert shown.count("[redacted: ") == 1
        before = len(encode(b"u" * count))
        assert len(shown.partition("[redacted: ")[0]) <= before + 2


def test_lines_that_have_nothing_to_do_with_each_other_stay() -> None:
    text = f"{ENCODED[:12]}\n\n{ENCODED[12:]}"
    assert SECRETS.text(f"<{text}>") == f"<{text}>"


@pytest.mark.parametrize("text", ["Serving at port 8000\n", "done.\n", "sk-\n", "c2\n", f"{ENCODED[:2]}\r\n"])
def test_an_ended_line_does_not_wait_for_the_next_one(text: str) -> None:
    assert SECRETS.stream().take(text) == text


def test_each_line_of_a_keys_file_is_known_but_for_what_all_have() -> None:
    assert SECRETS.text(SSH_KEY) == (
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n[redacted: file]\n-----END-----\n"
    )


def test_short_values_are_left_alone() -> None:
    assert Redactor({"short": "1234567"}).text("1234567") == "1234567"


def test_a_secret_that_was_cut_off_is_redacted_from_half_of_it_on() -> None:
    assert SECRETS.text(f"x {KEY[:12]}") == "x [redacted: key]"
    assert SECRETS.text(f"x {KEY[:9]}") == f"x {KEY[:9]}"


def test_keys_and_values_of_json_are_redacted() -> None:
    assert SECRETS.value({KEY: [KEY, 3, None]}) == {"[redacted: key]": ["[redacted: key]", 3, None]}


def test_the_longest_of_values_that_begin_alike_is_named() -> None:
    assert SECRETS.text("ababababcd abababab") == "[redacted: longer] [redacted: ab]"


def test_a_long_value_is_known_in_pieces() -> None:
    long = "".join(f"{number:07d}/" for number in range(60))
    assert "0000020" not in Redactor({"long": long}).text(f"<{long}>")


def test_lines_are_found_over_pieces() -> None:
    content = f"one\ntwo {KEY}\nthree\n{KEY}".encode()
    pieces = (content[at : at + 5] for at in range(0, len(content), 5))
    assert set(SECRETS.find_in(pieces)) == {(2, "key"), (4, "key")}
