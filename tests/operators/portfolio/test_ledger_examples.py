"""What a few inputs come to, worked out by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from operators.portfolio.exact import converted
from operators.portfolio.rates import CODES, Rates, pair_of
from schemas.control import Control, Instrument
from schemas.holdings import Holding
from schemas.times import END_OF_TIME_NS
from tests.operators.portfolio.reports import (
    account,
    bust,
    correct,
    dividend,
    fill,
    give,
    instrument,
    last_of,
    ledger,
    of,
    rate,
    rejected,
    report,
    run,
    split,
)

D = Decimal
SPOT = instrument(type="crypto", currency="USDT", base_currency="ETH")
PERPETUAL = instrument(type="perpetual", currency="USD", multiplier=D(5))
INVERSE = instrument(type="perpetual", currency="BTC", inverse=True)
LOTS = {"fifo": "500", "lifo": "100", "average": "300"}

EXAMPLES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "a round trip of a short": (
        [fill(1, "sell", 10, 100), fill(2, "buy", 10, 90)],
        {"quantity": 0, "realized": 100, "average_price": None},
    ),
    "the average of two": (
        [fill(1, "buy", 1, 10), fill(2, "buy", 2, 11)],
        {"average_price": D("10.66666666666666666666666667"), "cost_basis": 32},
    ),
    "a fee lowers what is realised": (
        [fill(1, "buy", 10, 100, fee="1.25")],
        {"realized": D("-1.25"), "fees": D("1.25"), "cash": D("-1001.25")},
    ),
    "a rebate": ([fill(1, "buy", 10, 100, fee="-0.5")], {"realized": D("0.5"), "fees": D("-0.5"), "cash": D("-999.5")}),
    "a worthless option": ([fill(1, "buy", 1, 5), fill(2, "sell", 1, 0)], {"quantity": 0, "realized": -5}),
    "a fee in the base currency": (
        [SPOT, fill(1, "buy", 1, 2000, fee="0.001", fee_currency="ETH")],
        {"quantity": D("0.999"), "average_price": 2000, "realized": -2, "fees": 2, "cash": -2000},
    ),
    "and of a sale": (
        [SPOT, fill(1, "buy", 2, 1000), fill(2, "sell", 1, 2000, fee="0.001", fee_currency="ETH")],
        {"quantity": D("0.999"), "average_price": 1000, "realized": D("999"), "cash": 0},
    ),
    "margined: gains move cash, the notional does not": (
        [PERPETUAL, fill(1, "buy", 2, 100, fee=1), fill(2, "sell", 1, 110)],
        {"cash": 49, "realized": 49, "cost_basis": 500, "average_price": 100, "is_margined": True},
    ),
    "inverse: a long": ([INVERSE, fill(1, "buy", 10000, 10000), fill(2, "sell", 10000, 12500)], {"realized": D("0.2"), "cash": D("0.2")}),
    "inverse: a short": ([INVERSE, fill(1, "sell", 10000, 10000), fill(2, "buy", 10000, 12500)], {"realized": D("-0.2")}),
    "inverse: the average is harmonic": (
        [INVERSE, fill(1, "buy", 100, 20000), fill(2, "buy", 100, 30000)],
        {"average_price": 24000, "cost_basis": D("0.0083333333333333333333333333333333333333")},
    ),
    "an opening balance moves no cash": (
        [fill(1, "buy", 10, 100, kind="transfer")],
        {"quantity": 10, "cash": 0, "moved": 1000, "realized": 0},
    ),
    "what moves out realises": (
        [fill(1, "buy", 10, 100), fill(2, "sell", 10, 130, kind="transfer")],
        {"quantity": 0, "cash": -1000, "moved": -1300, "realized": 300},
    ),
    "a margined position moved out": (
        [PERPETUAL, fill(1, "buy", 10, 100), fill(2, "sell", 10, 130, kind="transfer")],
        {"quantity": 0, "cash": 0, "moved": -1500, "realized": 1500},
    ),
    "a dividend": ([fill(1, "buy", 10, 100), dividend("d", 2, "0.5"), 3], {"realized": 5, "cash": -995, "quantity": 10, "fees": 0}),
    "a short pays it": ([fill(1, "sell", 10, 100), dividend("d", 2, "0.5"), 3], {"realized": -5, "cash": 995}),
    "on what a split made": ([fill(1, "buy", 10, 100), split("s", 2, "4"), dividend("d", 3, "0.5"), 4], {"realized": 20, "quantity": 40}),
    "before the split of the same time": (
        [fill(1, "buy", 10, 100), split("s", 3, "4"), dividend("d", 3, "0.5"), 4],
        {"realized": 5, "quantity": 40},
    ),
    "a fill from before counts when it comes": (
        [fill(1, "buy", 10, 100), dividend("d", 3, "0.5"), split("s", 4, "2"), fill(5, "buy", 10, 50), fill(6, "buy", 10, 100, seconds=2)],
        {"quantity": 50, "realized": 10, "average_price": 50},
    ),
    "cash in lieu of a fraction": (
        [fill(1, "buy", 7, 100), split("s", 2, "1.5", cash_in_lieu=D(70)), 3],
        {"quantity": 10, "cash": -665, "realized": D("1.6666666666666666666666666666666666666667")},
    ),
    "cash in lieu of a short": ([fill(1, "sell", 7, 100), split("s", 2, "1.5", cash_in_lieu=D(70)), 3], {"quantity": -10, "cash": 665}),
    "an action takes effect with the first fill that is after it": (
        [fill(1, "buy", 10, 100), split("s", 500, "2"), fill(600, "sell", 20, 60)],
        {"quantity": 0, "realized": 200, "version": 3},
    ),
    "the fraction is sold before what came later": (
        [fill(1, "buy", 6, 90), fill(2, "buy", 1, 160), fill(9, "buy", 1, 900), split("s", 3, "1.5", cash_in_lieu=D(80)), 4],
        {"quantity": 11, "cash": -1560, "realized": D("6.6666666666666666666666666666666666666667"), "moved": 0},
    ),
    "an action without a time is in effect for what came before": (
        [fill(5, "buy", 10, 100), split("s", 0, "2"), fill(5, "buy", 1, 50, "later")],
        {"quantity": 21, "average_price": 50},
    ),
    "a bust": (
        [fill(1, "buy", 10, 100, fee=1), fill(2, "buy", 10, 200), bust(3, "x1")],
        {"quantity": 10, "average_price": 200, "realized": 0},
    ),
    "a correction of a correction": (
        [fill(1, "buy", 10, 100), correct(2, "x1", 10, 101, execution_id="c1"), correct(3, "c1", 10, 102, execution_id="c2")],
        {"average_price": 102},
    ),
    "corrections in reverse": (
        [correct(3, "c1", 10, 102, execution_id="c2"), correct(2, "x9", 10, 101, execution_id="c1"), fill(9, "buy", 10, 100)],
        {"average_price": 102, "version": 1},
    ),
    "a bust of a correction busts the fill": (
        [fill(1, "buy", 10, 100), correct(2, "x1", 10, 101, execution_id="c1"), bust(3, "c1")],
        {"quantity": 0},
    ),
    "a correction may turn the side": ([fill(1, "buy", 10, 100), correct(2, "x1", 10, 100, side="sell")], {"quantity": -10}),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(name: str) -> None:
    items, expected = EXAMPLES[name]
    holding = last_of(*items)
    assert {field: getattr(holding, field) for field in expected} == expected


@pytest.mark.parametrize("costing", LOTS)
def test_which_lot_a_sale_closes(costing: str) -> None:
    to = ledger(costing=costing)
    for item in (fill(1, "buy", 10, 100), fill(2, "buy", 10, 140)):
        give(to, item)
    (update,) = give(to, fill(3, "sell", 10, 150)).positions
    left = {"fifo": [(10, 140)], "lifo": [(10, 100)], "average": []}
    assert update.payload.realized_pnl == D(LOTS[costing])
    assert [of(lot, "quantity price") for lot in update.payload.lots] == left[costing]
    assert update.payload.costing == costing


def test_an_account_has_a_costing_of_its_own() -> None:
    story = [fill(1, "buy", 10, 100), fill(2, "buy", 10, 140), fill(3, "sell", 10, 150)]
    for items in ([account(costing="fifo"), *story], [*story, account(costing="fifo"), account(costing="fifo")]):
        assert last_of(*items).realized == 500


def test_the_update_says_who_and_why() -> None:
    (update,) = give(ledger(), fill(3, "buy", "100.00", "2.50")).positions
    assert update.header.event_id == "position|A|S|event-3|1"
    assert of(update.header, "correlation_id source event_type") == ("order-3", "portfolio", "POSITION_UPDATE")
    assert (update.time_ns, update.place.offset) == (3_000_000_000, 3)
    texts = [str(number) for number in (update.payload.quantity, update.payload.average_price, update.payload.cost_basis)]
    assert texts == ["100", "2.5", "250"], "plain numbers"


def test_a_fee_in_a_third_currency_at_the_rate_of_its_time() -> None:
    holding = last_of(SPOT, rate("BNB", "USDT", "300"), fill(1, "buy", 1, 2000, fee="0.01", fee_currency="BNB"))
    assert of(holding, "realized fees cash foreign_fees") == (-3, 3, -2000, (("BNB", D("0.01")),))
    later = last_of(
        SPOT,
        rate("BNB", "USDT", "300"),
        fill(1, "buy", 1, 2000, fee="0.01", fee_currency="BNB"),
        rate("BNB", "USDT", "500", 2),
        fill(3, "buy", 1, 1),
    )
    assert later.realized == -3


def test_an_unknown_rate_is_unknown_until_it_comes() -> None:
    to = ledger()
    first = run(to, SPOT, fill(1, "buy", 1, 2000, fee="0.01", fee_currency="BNB"))["A", "S"]
    assert of(first, "realized fees quantity") == (None, None, 1)
    assert "BNB" in (first.reason or "")
    assert give(to, rate("EUR", "USD", "1.1")).holdings == []
    then = run(to, rate("BNB", "USDT", "300", 2))["A", "S"]
    assert of(then, "realized fees reason version") == (-3, 3, None, 2)


def test_an_unknown_rate_stays_unknown_over_a_restart_and_a_bust_ends_it() -> None:
    to, again = ledger(), ledger()
    run(to, SPOT, fill(1, "buy", 1, 2000, fee="0.01", fee_currency="BNB"))
    again.restore(to.snapshot())
    assert run(again, rate("BNB", "USDT", "300", 2))["A", "S"].realized == -3
    assert run(to, bust(2, "x1"))["A", "S"].realized == 0
    assert give(to, rate("BNB", "USDT", "300", 2)).positions == []
    assert run(to, fill(3, "buy", 1, 5))["A", "S"].fees == 0


def test_a_zero_fee_needs_no_rate() -> None:
    assert last_of(fill(1, "buy", 1, 2, fee=0, fee_currency="XYZ")).realized == 0


def test_a_dividend_in_another_currency_waits_for_its_rate() -> None:
    items = [fill(1, "buy", 10, 100), dividend("d", 2, "1", currency="EUR"), 3]
    unknown = last_of(*items)
    assert of(unknown, "realized fees foreign_fees") == (None, 0, (("EUR", -10),))
    for story in ([*items, rate("EUR", "USD", "1.25", 4)], [rate("EUR", "USD", "1.25"), *items]):
        holding = last_of(*story)
        assert of(holding, "realized cash foreign_fees") == (D("12.5"), -1000, (("EUR", -10),))


def test_an_action_waits_for_its_time_and_is_said_once() -> None:
    to = ledger()
    run(to, fill(1, "buy", 10, 100))
    assert give(to, split("s", 500, "2")).positions == []
    assert [update.payload.quantity for update in give(to, 500).positions] == [20]
    assert give(to, split("s", 500, "2")).positions == []
    deleted = give(to, Control("control.actions", "s", None, 0, "gone"))
    assert [update.payload.quantity for update in deleted.positions] == [10]


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ([fill(1, "buy", 1, -1)], "execution"),
        ([INVERSE, fill(1, "buy", 1, 0)], "execution"),
        ([fill(1, "buy", 1, 1), correct(2, "x1", 1, -1)], "execution"),
        ([fill(1, "buy", 1, 1), bust(2, "x1"), correct(3, "x1", 2, 1)], "execution"),
        ([fill(1, "buy", 1, 1), fill(2, "buy", 1, 1), correct(3, "x1", 2, 1, execution_id="x2")], "execution"),
        ([fill(1, "buy", 1, 1), instrument(multiplier=D(10))], "control"),
        ([fill(1, "buy", 1, 1), instrument(inverse=True)], "control"),
        ([fill(1, "buy", 1, 1), fill(2, "sell", 1, 1), instrument(currency="EUR")], "control"),
        ([instrument(multiplier=D(10)), fill(1, "buy", 1, 1), Control("control.instruments", "S", None)], "control"),
        ([bust(1, "x9"), 3602], "orphan"),
        ([correct(1, "x9", 1, 1), bust(2, "x9"), bust(2, "x9"), 3602], "orphan"),
    ],
)
def test_what_cannot_be_is_a_dead_letter_and_changes_nothing(items: list[Any], reason: str) -> None:
    letters = rejected(*items)
    assert {letter[0] for letter in letters} == {reason}
    assert "expected" in letters[0][1]
    before, after = ledger(), ledger()
    assert run(before, *items[:-1]) == run(after, *items)


def test_a_position_that_is_flat_lets_its_multiplier_change() -> None:
    story = [fill(1, "buy", 1, 100), fill(2, "sell", 1, 101), instrument(multiplier=D(10)), fill(3, "buy", 1, 100), fill(4, "sell", 1, 101)]
    assert last_of(*story).realized == 11
    assert last_of(*story, bust(5, "x4")).realized == 1


def test_the_end_of_time_ends_all_waiting() -> None:
    to = ledger()
    give(to, bust(1, "x9"))
    assert [reject.reason for reject in to.on_time(END_OF_TIME_NS).rejects] == ["orphan"]
    assert to.on_time(END_OF_TIME_NS).rejects == []


def test_an_account_that_nobody_opened() -> None:
    items = [fill(1, "buy", 1, 1), report(2, "cash", execution_id="k", amount=5, currency="USD")]
    assert [letter[0] for letter in rejected(*items, opens_accounts=False)] == ["unknown_account"] * 2
    assert rejected(account(), *items, opens_accounts=False) == []


def test_final_fills_cannot_be_busted_and_are_still_known() -> None:
    to = ledger(fills_kept=2)
    run(to, *[fill(at, "buy", 1, 100) for at in range(1, 5)])
    (reject,) = give(to, bust(9, "x1")).rejects
    assert (reject.reason, "final" in reject.detail) == ("execution", True)
    assert give(to, fill(10, "buy", 1, 100, "x1")).positions == []
    assert run(to, bust(11, "x4"))["A", "S"].quantity == 3


@pytest.mark.parametrize(
    ("reason", "is_income"),
    [("interest", True), ("FEE", True), ("dividend", True), ("deposit", False), ("withdrawal", False), (None, False)],
)
def test_cash_is_told_once(reason: str | None, is_income: bool) -> None:
    to = ledger()
    cash = report(1, "cash", execution_id="k", amount="-5.5", currency="EUR", reason=reason)
    (move,) = give(to, cash).cash
    assert of(move, "account amount currency is_income correlation_id") == ("A", D("-5.5"), "EUR", is_income, "order-1")
    assert give(to, cash).cash == []


@pytest.mark.parametrize("kind", ["new", "canceled", "rejected", "expired"])
def test_other_reports_are_ignored(kind: str) -> None:
    output = give(ledger(), report(1, kind, order_id="o"))
    assert of(output, "positions holdings cash rejects") == ([], [], [], [])


def test_venues_have_ids_of_their_own() -> None:
    both = [fill(1, "buy", 1, 100, "T", venue="X"), fill(2, "buy", 1, 200, "T", venue="Y")]
    assert last_of(*both).quantity == 2
    assert last_of(*both, bust(3, "T", venue="X")).average_price == 200
    assert last_of(both[0], bust(3, "T")).quantity == 0, "one is meant, though its venue is not named"
    assert last_of(bust(3, "T"), both[0]).quantity == 0, "also before it comes"


def test_rates() -> None:
    rates = Rates("USD")
    assert [rates.rate("EUR", "EUR"), rates.rate("EUR", "USD")] == [D(1), None]
    for one in (rate("EUR", "USD", "1.25", 2), rate("USD", "JPY", "150"), rate("EUR", "USD", "9", 1)):
        rates.put(one)
    known = {pair: rates.rate(*pair) for pair in [("EUR", "USD"), ("USD", "EUR"), ("EUR", "JPY"), ("JPY", "EUR")]}
    assert known[("EUR", "USD")] == D("1.25"), "the newest"
    assert (known[("USD", "EUR")], known[("EUR", "JPY")]) == (D("0.8"), D("187.5"))
    assert rates.rate("GBP", "JPY") is None
    assert abs((known[("JPY", "EUR")] or 0) - D("0.8") / 150) < D("1e-20")


def test_a_fee_is_converted_exactly_by_an_inverse_or_crossed_rate() -> None:
    for base, fee, expected in (("USD", 300, "2"), ("EUR", 300, "1.6")):
        rates = Rates("USD")
        rates.put(rate("EUR", "USD", "1.25"))
        rates.put(rate("USD", "JPY", "150"))
        found = rates.rate("JPY", base)
        assert found is not None
        assert converted(D(fee), found) == D(expected)
    assert converted(D("0.1"), D("1.1001")) == D("0.11001")


@pytest.mark.parametrize(
    ("symbol", "instrument_", "pair"),
    [
        ("EURUSD", None, ("EUR", "USD")),
        ("EUR/USD", None, ("EUR", "USD")),
        ("EUR-USD", None, ("EUR", "USD")),
        ("BTCUSD", None, ("BTC", "USD")),
        ("BNBUSDT", None, ("BNB", "USDT")),
        ("USDTUSD", None, ("USDT", "USD")),
        ("USDC-EUR", None, ("USDC", "EUR")),
        ("EUR", None, None),
        ("EUREUR", None, None),
        ("EURUSD-", None, None),
        ("EUR--USD", None, None),
        ("AMZN", None, None),
        ("GOOGLE", None, None),
        ("ETHUSDT", Instrument("ETHUSDT", base_currency="ETH", currency="USDT"), ("ETH", "USDT")),
        ("EURUSD", Instrument("EURUSD", tick_size=D("0.00001")), ("EUR", "USD")),
        ("XBTUSD", Instrument("XBTUSD", base_currency="BTC", currency="BTC", inverse=True), None),
        ("XBTUSD", Instrument("XBTUSD", currency="XBT", inverse=True), None),
    ],
)
def test_which_symbols_are_pairs(symbol: str, instrument_: Instrument | None, pair: tuple[str, str] | None) -> None:
    assert pair_of(symbol, instrument_) == pair


def test_no_text_means_two_pairs() -> None:
    for base in CODES:
        for quote in CODES - {base}:
            assert pair_of(base + quote, None) == (base, quote)


def test_holdings_and_updates_agree() -> None:
    output = give(ledger(), fill(1, "buy", 3, 7, fee=1))
    (holding,), (update,) = output.holdings, output.positions
    assert isinstance(holding, Holding)
    assert of(holding, "quantity realized version") == (
        update.payload.quantity,
        update.payload.realized_pnl,
        update.payload.version,
    )
