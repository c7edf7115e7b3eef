"""Laws of numbers: the double nearest to the decimal that is written, scaled or not."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.numbers import NUMBER, read_numbers

decimals = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(lambda d: abs(d.adjusted()) < 290)
scales = st.one_of(
    st.integers(-12, 6).map(lambda exponent: Decimal(1).scaleb(exponent)),
    st.decimals(min_value="1e-9", max_value=1000, places=9).filter(lambda d: d > 0),
    st.sampled_from([Decimal("0.25"), Decimal(1) / 32, Decimal("0.0005")]),
)


@given(st.lists(decimals, min_size=1), scales)
def test_a_scaled_cell_is_the_double_nearest_to_the_decimal_product(cells: list[Decimal], scale: Decimal) -> None:
    from decimal import localcontext

    values, bad = read_numbers(pl.Series([str(cell) for cell in cells]), scale)
    with localcontext() as context:
        context.prec = 2000
        assert values.tolist() == [float(cell * scale) for cell in cells]
    assert not bad.any()


def test_the_amazon_price() -> None:
    assert 2238200 * 0.0001 != 223.82, "this is why a product of doubles will not do"
    for cells in (pl.Series(["2238200"]), pl.Series([2238200]), pl.Series([2238200.0])):
        assert read_numbers(cells, Decimal("0.0001"))[0].tolist() == [223.82]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_double_that_is_written_out_comes_back(numbers: list[float]) -> None:
    for cells in (pl.Series([repr(number) for number in numbers]), pl.Series(numbers)):
        values, bad = read_numbers(cells)
        assert values.tolist() == numbers
        assert not bad.any()


@given(st.lists(st.one_of(st.text(alphabet="0123456789.eE+-_ naif", max_size=8), st.text(max_size=5)), min_size=1))
def test_what_is_no_number_is_bad_and_an_empty_cell_is_absent(cells: list[str]) -> None:
    values, bad = read_numbers(pl.Series(cells))
    for cell, value, wrong in zip(cells, values.tolist(), bad.tolist(), strict=True):
        good = bool(NUMBER.fullmatch(cell)) and abs(float(cell)) != float("inf")
        assert wrong == (cell != "" and not good), cell
        assert (value == float(cell)) if good else value != value, cell


@pytest.mark.parametrize("scale", [Decimal(1), Decimal("0.0001"), Decimal("0.3")])
def test_nan_and_infinity_of_a_typed_column_are_bad(scale: Decimal) -> None:
    values, bad = read_numbers(pl.Series([1.0, None, float("nan"), float("inf")]), scale)
    assert bad.tolist() == [False, False, True, True]
    assert values[0] == float(scale)
