"""What doubles are sure of, decimals confirm: a check that is decided early is decided rightly, however close the numbers are."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from operators.orders.pretrade.checks import is_surely_below

prices = st.decimals("0.0001", "1000000", places=6)
shares = st.decimals("0.0001", "10", places=4)
nudges = st.sampled_from([Decimal(0), Decimal("1e-6"), Decimal("-1e-6"), Decimal("1e-12"), Decimal("-1e-12"), Decimal(1)])


@given(prices, shares, nudges)
@example(Decimal(100), Decimal("0.05"), Decimal("1e-12"))
def test_a_price_that_is_surely_within_its_collar_is_within_it(reference: Decimal, collar: Decimal, nudge: Decimal) -> None:
    price = reference + reference * collar + nudge  # at the edge, or just beside it
    near, offered = float(reference), float(price)
    if is_surely_below(abs(offered - near), abs(near) * float(collar), abs(offered) + abs(near)):
        assert abs(Fraction(price) - Fraction(reference)) <= Fraction(reference) * Fraction(collar)


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12), shares, nudges)
def test_an_order_that_buying_power_surely_bears_it_bears(equity: float, gross: float, multiple: Decimal, nudge: Decimal) -> None:
    most = Decimal(repr(equity)) * multiple
    adds = most - Decimal(repr(gross)) + nudge
    found, bound = gross + float(adds), equity * float(multiple)
    if is_surely_below(found, bound, abs(gross) + abs(found) + abs(bound)):
        assert Decimal(repr(gross)) + adds <= most


def test_what_is_no_number_is_sure_of_nothing() -> None:
    for number in (float("nan"), float("inf")):
        assert not is_surely_below(number, 1.0, 1.0)
        assert not is_surely_below(0.0, number, number)
        assert not is_surely_below(0.0, 1.0, number)
