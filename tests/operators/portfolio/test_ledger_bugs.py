"""Bugs that well-known systems shipped, each by name: none of them is here."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.operators.portfolio.reports import bust, correct, fill, give, instrument, last_of, ledger, of, split

D = Decimal


def test_a_flip_realizes_only_what_it_closes() -> None:
    """nautilus_trader 1083: the flip realised the whole fill."""
    holding = last_of(fill(1, "buy", 10, 100), fill(2, "sell", 25, 110))
    assert of(holding, "quantity realized") == (-15, 100)


def test_after_a_flip_the_average_is_the_price_of_the_flip() -> None:
    """nautilus_trader 963: a wrong average."""
    holding = last_of(fill(1, "buy", 10, 100), fill(2, "sell", 25, 110), fill(3, "sell", 5, 114))
    assert of(holding, "quantity average_price") == (-20, 111)


def test_a_flip_is_one_update() -> None:
    to = ledger()
    give(to, fill(1, "buy", 10, 100))
    (update,) = give(to, fill(2, "sell", 25, 110)).positions
    assert of(update.payload, "quantity version") == (-15, 2)


def test_a_refused_fill_is_not_remembered_as_done() -> None:
    """nautilus_trader 4522: deduplication marked before the fill applied, so that the real report was suppressed."""
    to = ledger()
    assert [reject.reason for reject in give(to, fill(1, "buy", 10, -5, "T1")).rejects] == ["execution"]
    give(to, instrument(allow_negative=True))
    (update,) = give(to, fill(2, "buy", 10, -5, "T1")).positions
    assert of(update.payload, "quantity average_price version") == (10, -5, 1)


def test_a_void_before_its_fill_takes_back_that_fill_only() -> None:
    """nautilus_trader 4491: ``void(T1,60) fill(T1,40) void(T2,10)`` left order 0 and position 40."""
    to = ledger()
    give(to, bust(1, "T1", quantity=60))
    (update,) = give(to, fill(2, "buy", 40, 100, "T1")).positions
    assert update.payload.quantity == 0
    assert give(to, bust(3, "T2", quantity=10)).positions == []
    (update,) = give(to, fill(4, "buy", 10, 100, "T2")).positions
    assert of(update.payload, "quantity realized_pnl") == (0, 0)


@pytest.mark.parametrize("costing", ["average", "fifo", "lifo"])
def test_realized_accumulates_across_flats(costing: str) -> None:
    """nautilus_trader 933, 719, 2856, 4344: reset when the position reopens."""
    story = [fill(1, "buy", 10, 100), fill(2, "sell", 10, 110), fill(3, "buy", 10, 120), fill(4, "sell", 10, 125)]
    assert last_of(*story, costing=costing).realized == 150


def test_a_duplicate_is_dropped_after_the_position_was_flat() -> None:
    to = ledger()
    for item in (fill(1, "buy", 10, 100, "T1"), fill(2, "sell", 10, 110, "T2")):
        assert len(give(to, item).positions) == 1
    assert give(to, fill(3, "buy", 10, 100, "T1")).positions == []
    assert give(to, fill(4, "sell", 10, 110, "T2")).positions == []


def test_fills_that_come_late_after_a_disconnect_are_not_lost() -> None:
    """Lean IB 249: they fold when they arrive, whatever their time."""
    holding = last_of(fill(5, "buy", 10, 100), fill(6, "buy", 10, 130, seconds=1), fill(7, "sell", 5, 120, seconds=2))
    assert of(holding, "quantity average_price realized") == (15, 115, 25)


@pytest.mark.parametrize(
    ("ratio", "quantity", "average"),
    [("1.5", "10.5", "66.66666666666666666666666667"), ("0.1", "0.7", "1000"), ("3", "21", "33.33333333333333333333333333")],
)
def test_a_split_does_not_truncate_shares(ratio: str, quantity: str, average: str) -> None:
    """Lean 5765, 9782."""
    holding = last_of(fill(1, "buy", 7, 100), split("s", 2, ratio), 3)
    assert of(holding, "quantity cost_basis average_price") == (D(quantity), 700, D(average))


def test_a_corrected_fill_keeps_its_place() -> None:
    """It is folded again where it was: here the second sale closes what the correction opened."""
    story = [fill(1, "buy", 10, 100, "T1"), fill(2, "sell", 10, 110), fill(3, "buy", 10, 90), correct(4, "T1", 20, 104)]
    holding = last_of(*story)
    assert of(holding, "quantity realized average_price") == (20, 60, 97)
