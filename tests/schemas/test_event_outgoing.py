"""Events of a batch are encoded and placed as each of them would be alone."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from schemas.event_outgoing import encode_all, event_encoder
from schemas.events import Envelope, Event, Header, Place, encode
from schemas.partitioning import key_hash
from schemas.placement import place_event
from schemas.portfolio import BalanceUpdate, PositionUpdate

names = st.text(min_size=1, max_size=6) | st.sampled_from(["E-1", "1E+5", "E", '"', "E-", "\u00e9E+"])
numbers = st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from([*map(Decimal, ("1E-7", "1E+2", "0", "0E-9"))])
headers = st.builds(Header, names, names, st.just("POSITION_UPDATE"), st.just(3), names, names)
positions = st.builds(PositionUpdate, account=names, symbol=names, quantity=numbers, realized_pnl=st.none() | numbers)
balances = st.builds(BalanceUpdate, account=names, currency=names, cash=st.none() | numbers)


@given(st.lists(st.builds(Envelope, headers, positions | balances), max_size=6))
def test_a_batch_is_encoded_as_each_of_it(events: list[Envelope[PositionUpdate | BalanceUpdate]]) -> None:
    assert list(encode_all(events)) == [encode(event) for event in events]


@given(st.lists(st.tuples(headers, positions), max_size=4))
def test_a_batch_is_placed_as_each_of_it(made: list[tuple[Header, PositionUpdate]]) -> None:
    events = [Event(header, payload, 1, Place("t", 0, at)) for at, (header, payload) in enumerate(made)]
    outgoing = event_encoder("portfolio.positions")([events[:1], events[1:]])
    places = [place_event("portfolio.positions", event) for event in events]
    assert list(outgoing.keys) == [key for key, _ in places]
    assert list(outgoing.hashes) == [key_hash(partition_key) for _, partition_key in places]
