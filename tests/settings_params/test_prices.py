"""Prices of models: the lines of the param, and the list prices below them."""

from decimal import Decimal

import pytest

from settings_params.prices import Price, price_line, price_of
from settings_params.providers import MODELS

pytestmark = pytest.mark.plumbing


@pytest.mark.parametrize("line", ["m=3/15", "m=3/15/0.3", "org/m:free=0/0", "my-*=1/2/0.1/1.25"])
def test_lines_that_are_prices(line: str) -> None:
    assert price_line(line) is None


@pytest.mark.parametrize("line", ["m", "m=3", "m=a/b", "=1/2", "m=1/2/3/4/5", "m=-1/2", "m m=1/2", "m=1e9/2"])
def test_lines_that_are_none(line: str) -> None:
    assert price_line(line) is not None


def test_what_is_cached_costs_its_own_price() -> None:
    price = price_of("m", ["m=10/50/1/12.5"])
    assert price is not None
    cost = price.cost(input_tokens=1000, output_tokens=100, cached_tokens=500, cache_write_tokens=200)
    assert cost == Decimal("0.0110")  # 300 * 10 + 500 * 1 + 200 * 12.5 + 100 * 50


def test_without_a_price_of_its_own_what_is_cached_costs_the_same() -> None:
    assert price_of("m", ["m=10/50"]) == Price(*map(Decimal, (10, 50, 10, 10)))


def test_the_whole_name_counts_before_a_beginning_and_the_longest_beginning_first() -> None:
    lines = ["gpt-*=1/1", "gpt-5*=2/2", "gpt-5=3/3"]
    found = [price_of(model, lines) for model in ("gpt-4", "gpt-5-mini", "gpt-5")]
    assert [price.input if price else None for price in found] == [1, 2, 3]


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "gpt-5-2025-08-07"])
def test_list_prices_are_known_with_a_date_or_without(model: str) -> None:
    assert price_of(model, []) is not None


def test_a_model_that_nobody_knows_has_no_price() -> None:
    assert price_of("gpt-5-pro", []) is None


@pytest.mark.parametrize("model", sorted(model for models in MODELS.values() for model in models))
def test_every_model_that_is_offered_has_a_list_price(model: str) -> None:
    """Otherwise a budget of money would end every run of it."""
    assert price_of(model, []) is not None
