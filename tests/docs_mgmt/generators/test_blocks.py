"""Auto-blocks in people's text: they are rewritten, all else stays byte for byte, damaged ones are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs_mgmt.generators.blocks import MAX_BYTES, BlocksRefused, block_text, rewrite

pytestmark = pytest.mark.plumbing
BEGIN, END = b"<!-- quarterdeck:begin map -->", b"<!-- quarterdeck:end map -->"
LINE_ENDS = [b"\n", b"\r\n", b"\r"]

line_ends = st.sampled_from(LINE_ENDS)
words = st.binary(max_size=40).filter(lambda text: not set(text) & set(b"\r\n`~") and b"quarterdeck:" not in text)
prose = st.lists(words, max_size=6)


def joined(lines: list[bytes], line_end: bytes) -> bytes:
    return b"".join(line + line_end for line in lines)


@given(prose, prose, prose, line_ends, st.booleans(), st.booleans())
def test_every_byte_outside_of_the_block_stays(
    before: list[bytes], old: list[bytes], after: list[bytes], line_end: bytes, has_mark: bool, is_cut: bool
) -> None:
    head = (b"\xef\xbb\xbf" if has_mark else b"") + joined([*before, BEGIN], line_end)
    tail = joined([END, *after], line_end)
    tail = tail[: -len(line_end)] if is_cut else tail
    new = rewrite(head + joined(old, line_end) + tail, {"map": "one\ntwo"})
    assert new == head + joined([b"", b"one", b"two", b""], line_end) + tail


@given(st.binary(max_size=400), st.text(max_size=200))
def test_any_bytes_and_any_text_give_a_document_or_a_reason(document: bytes, text: str) -> None:
    try:
        new = rewrite(document + b"\n" + BEGIN + b"\n" + END, {"map": text})
    except BlocksRefused:
        return
    assert rewrite(new, {"map": text}) == new


pieces = st.lists(
    st.sampled_from([BEGIN, END, b"<!-- quarterdeck:begin other -->", b"<!-- quarterdeck:end other -->", b"```", b"a"]),
    max_size=8,
)


@given(pieces)
def test_markers_in_any_order_are_a_document_that_can_be_written_again_or_left_alone(lines: list[bytes]) -> None:
    document = joined(lines, b"\n")
    try:
        new = rewrite(document, {"map": "text"})
    except BlocksRefused:
        return
    assert rewrite(new, {"map": "text"}) == new
    assert [line for line in new.splitlines() if line.startswith(b"<!--")] == [
        line for line in lines if line.startswith(b"<!--")
    ]


@given(st.text(max_size=300))
def test_whatever_is_generated_a_new_document_can_be_written_again(text: str) -> None:
    made = block_text("map", text).encode()
    assert rewrite(made, {"map": text}) == made


def test_what_looks_like_a_marker_in_generated_text_is_none() -> None:
    made = block_text("map", f"a\n{END.decode()}\n{BEGIN.decode()}").encode()
    assert (made.count(BEGIN), made.count(END)) == (1, 1)


def test_a_block_of_another_name_stays() -> None:
    other = b"<!-- quarterdeck:begin notes -->\nkept\n<!-- quarterdeck:end notes -->\n"
    assert rewrite(other + BEGIN + b"\n" + END, {"map": "x"}).startswith(other)


@pytest.mark.parametrize(
    ("document", "line", "words"),
    [
        (b"a\n%(b)s\nb\n", 2, "not ended"),
        (b"%(e)s\n", 1, "not begun"),
        (b"%(e)s\n%(b)s\n", 1, "not begun"),
        (b"%(b)s\n%(b)s\n%(e)s\n", 2, "inside"),
        (b"%(b)s\n%(e)s\n%(b)s\n%(e)s\n", 3, "already"),
        (b"%(b)s\n<!-- quarterdeck:end other -->\n%(e)s\n", 2, "ended where map"),
        (b"```\n%(b)s\n%(e)s\n```\n", 2, "code block"),
        (b"~~~~ text\n~~~\n%(b)s\n%(e)s\n~~~~\n", 3, "code block"),
        (b"text %(b)s\n%(e)s\n", 1, "damaged"),
        (b"    %(b)s\n%(e)s\n", 1, "damaged"),
        (b"<!-- quarterdeck:begin  map -->\n%(e)s\n", 1, "damaged"),
        (b"<!-- quarterdeck:begin Map -->\n%(e)s\n", 1, "damaged"),
        (b"<!-- quarterdeck:start map -->\n%(e)s\n", 1, "damaged"),
        (b"%(b)s text\n%(e)s\n", 1, "damaged"),
    ],
)
def test_damaged_markers_are_told_with_their_line(document: bytes, line: int, words: str) -> None:
    with pytest.raises(BlocksRefused) as refused:
        rewrite(document % {b"b": BEGIN, b"e": END}, {"map": "x"})
    assert (refused.value.line, words in refused.value.message) == (line, True)


@pytest.mark.parametrize(
    "code", [b"```sh\nls\n```\n", b"~~~\n```\n~~~\n", b"``` a`b\n", b"    ```\n", b"````\n```\n````\n"]
)
def test_code_that_ends_before_the_block_is_no_hindrance(code: bytes) -> None:
    assert rewrite(code + BEGIN + b"\n```\n" + END, {"map": "x"}) == code + BEGIN + b"\n\nx\n\n" + END


def test_a_document_without_the_block_is_left_alone() -> None:
    with pytest.raises(BlocksRefused, match="no line") as refused:
        rewrite(b"# Ours\n", {"map": "x"})
    assert refused.value.line is None


def test_a_document_that_is_too_large_is_left_alone() -> None:
    with pytest.raises(BlocksRefused, match="more than"):
        rewrite(b"x" * (MAX_BYTES + 1), {"map": "x"})
