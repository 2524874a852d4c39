"""Usage is read out of answers however they are cut, packed or broken off."""

import gzip
import json
import zlib
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runs.execution.gateway.answers import AnswerWatch
from runs.execution.gateway.openai_chat import ChatUsage
from runs.execution.gateway.sse import EventReader
from runs.execution.gateway.usage import Usage
from tests.runs.gateway.answers import EXAMPLES, TEXT

pytestmark = pytest.mark.plumbing
APIS = sorted(EXAMPLES)
STREAM = {"Content-Type": "text/event-stream; charset=utf-8"}
REQUEST = b"x" * 400


def usage_of(api: str, chunks: list[bytes], headers: dict[str, str]) -> Usage:
    watch = AnswerWatch(EXAMPLES[api].reader())
    watch.begin(headers)
    for chunk in chunks:
        watch.feed(chunk)
    return watch.usage(REQUEST)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(ends)]


@pytest.mark.parametrize("api", APIS)
@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.integers(0, 10_000), max_size=30), is_packed=st.booleans())
def test_any_cut_of_a_stream_gives_the_same_usage(api: str, places: list[int], is_packed: bool) -> None:
    stream = EXAMPLES[api].stream
    headers = {**STREAM, "Content-Encoding": "gzip"} if is_packed else STREAM
    chunks = cut(gzip.compress(stream, mtime=0) if is_packed else stream, places)
    assert usage_of(api, chunks, headers) == EXAMPLES[api].usage


@pytest.mark.parametrize("api", APIS)
def test_a_whole_answer_says_the_same(api: str) -> None:
    body = json.dumps(EXAMPLES[api].whole).encode()
    assert usage_of(api, cut(body, [7, 50]), {"Content-Type": "application/json"}) == EXAMPLES[api].usage


@pytest.mark.parametrize("api", APIS)
def test_a_stream_that_breaks_off_is_estimated_and_marked(api: str) -> None:
    stream = EXAMPLES[api].stream.replace(b"\r", b"")
    end_of_text = stream.index(b"\n\n", stream.index(TEXT.encode()))
    usage = usage_of(api, [stream[: end_of_text + 12]], STREAM)
    assert (usage.is_estimate, usage.output_tokens, usage.input_tokens > 0) == (True, len(TEXT) / 4, True)


def test_an_answer_that_cannot_be_read_is_estimated_by_the_request() -> None:
    assert usage_of("chat", [b"?"], {"Content-Type": "application/json", "Content-Encoding": "br"}) == Usage(
        input_tokens=100, is_estimate=True
    )


def test_what_is_not_packed_as_it_says_is_an_estimate() -> None:
    usage = usage_of("chat", [EXAMPLES["chat"].stream], {**STREAM, "Content-Encoding": "gzip"})
    assert usage.is_estimate


def test_a_packed_bomb_is_passed_over_in_bounded_memory() -> None:
    bomb = zlib.compress(b'{"usage": {"prompt_tokens": 1}, "x": "' + b"a" * 40_000_000 + b'"}')
    assert usage_of("chat", [bomb], {"Content-Encoding": "deflate"}).is_estimate


def test_numbers_that_are_none_count_as_nothing() -> None:
    reader = ChatUsage()
    reader.take({"usage": {"prompt_tokens": "many", "completion_tokens": -5, "prompt_tokens_details": [True]}})
    assert reader.total(b"") == Usage()


def test_an_image_in_the_request_is_not_estimated_by_its_size() -> None:
    watch = AnswerWatch(ChatUsage())
    assert watch.usage(b'{"url": "data:image/png;base64,' + b"A" * 1_000_000 + b'"}').input_tokens < 2000


@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.integers(0, 10_000), max_size=20))
def test_an_event_that_is_too_large_is_passed_over_and_the_next_one_read(places: list[int]) -> None:
    reader = EventReader(max_event_bytes=50)
    stream = b"data: one\r\n\r\ndata: " + b"x" * 60 + b"\ndata: y\n\ndata: two\rdata:three\r\r: said\nid: 1\n\n"
    assert [event for chunk in cut(stream, places) for event in reader.feed(chunk)] == [b"one", b"two\nthree"]


def test_cached_tokens_of_messages_are_part_of_the_input() -> None:
    assert EXAMPLES["messages"].usage == replace(EXAMPLES["chat"].usage, cache_write_tokens=100)
