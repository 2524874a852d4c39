"""The types of server params: what each takes, and that its text reads back."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settings_params.params import (
    BoolParam,
    EnumParam,
    FloatParam,
    IntParam,
    ListParam,
    Param,
    ParamInvalid,
    SecretParam,
    StringParam,
    host_entry,
    http_address,
    page_address,
)

pytestmark = pytest.mark.plumbing
LINE = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=100)
BOOL = BoolParam(key="x.bool", default=False, description="…")
INT = IntParam(key="x.int", default=1, minimum=-5, maximum=1_000_000, description="…")
FLOAT = FloatParam(key="x.float", default=1.0, minimum=-2.5, maximum=1e6, description="…")
STRING = StringParam(key="x.string", default="", description="…")
ENUM = EnumParam(key="x.enum", default="a", choices=("a", "b c"), description="…")
LIST = ListParam(key="x.list", default=(), max_items=5, description="…")
SECRET = SecretParam(key="x.secret", description="…")
VALUES = st.one_of(
    st.tuples(st.just(BOOL), st.booleans()),
    st.tuples(st.just(INT), st.integers(-5, 1_000_000)),
    st.tuples(st.just(FLOAT), st.floats(-2.5, 1e6)),
    st.tuples(st.just(STRING), LINE),
    st.tuples(st.just(ENUM), st.sampled_from(ENUM.choices)),
    st.tuples(st.just(LIST), st.lists(LINE.filter(bool), max_size=5, unique=True)),
    st.tuples(st.just(SECRET), LINE.filter(bool)),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(pair=VALUES)
def test_the_text_of_a_value_reads_back(pair: tuple[Param, Any]) -> None:
    param, given_value = pair
    value = param.check(given_value)
    assert param.parse(param.print(value)) == value


@given(pair=VALUES)
def test_what_is_stored_as_json_reads_back(pair: tuple[Param, Any]) -> None:
    param, given_value = pair
    value = param.check(given_value)
    assert param.check(json.loads(json.dumps(value))) == value


@pytest.mark.parametrize("param", [BOOL, INT, FLOAT, STRING, ENUM, LIST, SECRET], ids=lambda param: param.type)
@given(value=ANYTHING)
def test_any_other_value_is_refused_or_taken_as_it_is(param: Param, value: Any) -> None:
    with suppress(ParamInvalid):
        checked = param.check(value)
        assert list(checked) == list(value) if param.type == "list" else checked == value


@pytest.mark.parametrize("param", [BOOL, INT, FLOAT, STRING, ENUM, LIST, SECRET], ids=lambda param: param.type)
@given(text=st.text())
def test_any_text_is_read_or_refused(param: Param, text: str) -> None:
    with suppress(ParamInvalid):
        value = param.parse(text)
        assert param.check(list(value) if param.type == "list" else value) == value


@given(text=st.text(min_size=12).filter(lambda text: not text.isprintable()))
def test_a_refused_secret_is_not_in_the_reason(text: str) -> None:
    with pytest.raises(ParamInvalid) as caught:
        SECRET.parse(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("param", "value", "code"),
    [
        (BOOL, 1, "invalid-type"),
        (INT, True, "invalid-type"),
        (INT, 1.5, "invalid-type"),
        (INT, -6, "out-of-range"),
        (INT, 10**400, "out-of-range"),
        (FLOAT, "1", "invalid-type"),
        (FLOAT, float("nan"), "invalid-type"),
        (FLOAT, float("inf"), "invalid-type"),
        (FLOAT, 10**400, "out-of-range"),
        (STRING, "a\nb", "invalid-text"),
        (STRING, "x" * 501, "invalid-text"),
        (ENUM, "c", "not-a-choice"),
        (ENUM, ["a"], "not-a-choice"),
        (LIST, "a", "invalid-type"),
        (LIST, ["a", 1], "invalid-type"),
        (LIST, ["a", "a"], "invalid-list"),
        (LIST, [""], "invalid-list"),
        (LIST, list("abcdef"), "invalid-list"),
        (LIST, ["a\0"], "invalid-text"),
        (SECRET, "", "invalid-type"),
        (SECRET, "a\nb", "invalid-text"),
    ],
)
def test_a_value_is_refused(param: Param, value: Any, code: str) -> None:
    with pytest.raises(ParamInvalid) as caught:
        param.check(value)
    assert caught.value.code == code


def test_a_whole_number_is_a_number() -> None:
    assert FLOAT.check(2) == 2.0


@pytest.mark.parametrize("text", ["", "http://localhost:11434/v1", "https://models.example.com", "http://[::1]:80"])
def test_an_http_address_fits(text: str) -> None:
    assert replace(STRING, rule=http_address).check(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *(
            "ftp://example.com",
            "example.com",
            "https://:80",
            "http://user:pass@example.com",
            "https://example.com?key=1",
        ),
        *("https://example.com#x", "http://example.com:0", "http://example.com:99999", "http://[::1", "file:///etc"),
    ],
)
def test_what_is_no_http_address_is_refused_without_an_echo(text: str) -> None:
    with pytest.raises(ParamInvalid) as caught:
        replace(STRING, rule=http_address).check(text)
    assert text not in str(caught.value)


@pytest.mark.parametrize("text", ["", "/errors", "/fehler/%C3%BC", "https://docs.example.com/errors"])
def test_a_page_address_fits(text: str) -> None:
    assert replace(STRING, rule=page_address).check(text) == text


@pytest.mark.parametrize(
    "text", ["errors", "//example.com", "/a b", "/ü", "/100%", "javascript:alert(1)", "/<b>", "/a#b"]
)
def test_what_is_no_page_address_is_refused(text: str) -> None:
    with pytest.raises(ParamInvalid):
        replace(STRING, rule=page_address).check(text)


@pytest.mark.parametrize("entry", ["a.org", "*.a.org", "A.org:22", "xn--bcher-kva.example", "192.0.2.1:8080"])
def test_hosts_of_an_allowlist(entry: str) -> None:
    assert host_entry(entry) is None


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "a b",
        "http://a.org",
        "a.org/",
        "a.org:0",
        "a.org:65536",
        "a.org:",
        "*",
        "*.*.org",
        "a..b",
        "[::1]",
        "bücher.de",
    ],
)
def test_what_is_no_host_of_an_allowlist(entry: str) -> None:
    assert host_entry(entry)
