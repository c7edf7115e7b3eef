"""Compiles every kernel, so that no run has to: ``python -m trademaster.kernels``. ``make setup`` calls it.

A kernel is compiled when it is first called with arguments of a type, and kept. So each is called here as the program calls it.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from schemas.kernel_cache import are_compiled, note_compiled

if TYPE_CHECKING:
    from schemas.bus import Batch
    from schemas.events import Event
    from schemas.portfolio import PositionUpdate


def compile_all(say: Callable[[str], object]) -> None:
    """Compile what is not compiled yet; ``say`` is told of each part."""
    for what, compile_part in (
        ("decoding ticks", _compile_decoder),
        ("the market flow", _compile_market),
        ("the paper exchange", _compile_paper),
        ("order flow", _compile_order_flow),
        ("the portfolio flow", _compile_portfolio),
        ("the risk flow", _compile_risk),
        ("encoding bars, marks and P&L", _compile_encoder),
        ("the archive", _compile_archive),
        ("the writers", _compile_writers),
        ("points of InfluxDB", _compile_points),
    ):
        say(what)
        compile_part()


def ensure_compiled(say: Callable[[str], object]) -> None:
    """Compile in a process of its own what is missing; ``say`` is told that it takes a while."""
    if not are_compiled():
        say("compiling kernels, once: this takes half a minute")
        subprocess.run([sys.executable, "-m", "trademaster.kernels", "--quiet"], check=True)


def _compile_decoder() -> None:
    from schemas.tick_codec import TickDecoder

    TickDecoder().decode(_batch())


def _compile_market() -> None:
    from decimal import Decimal

    from operators.market.output import MarketSettings
    from operators.market.shards import split
    from operators.market.step import LIMITS, MarketStep
    from operators.market.watermarks import fill_watermarks
    from schemas.control import Control, Limit
    from schemas.tick_codec import TickDecoder

    rows = TickDecoder().decode(_batch()).rows
    fill_watermarks(rows, {})
    for shard, frame in split(rows):
        step = MarketStep(MarketSettings(), shard, None)
        step.process(Control(LIMITS, "warm", Limit("warm", "price_band", "firm", Decimal("0.1"))))
        step.process(frame)
        pickle.loads(pickle.dumps(frame))  # noqa: S301 (our own, made just now)


def _compile_paper() -> None:
    from operators.market.shards import split
    from operators.orders.paper.step import PaperStep
    from operators.orders.settings import PaperSettings
    from schemas.tick_codec import TickDecoder

    for shard, frame in split(TickDecoder().decode(_batch()).rows):
        PaperStep(PaperSettings(), shard, None).process(frame)


def _compile_order_flow() -> None:
    from operators.indicators.settings import IndicatorSettings
    from operators.market.shards import split
    from operators.orderflow.shard import OrderFlow
    from schemas.tick_codec import TickDecoder

    for _, frame in split(TickDecoder().decode(_batch()).rows):
        OrderFlow(IndicatorSettings(("ofi", "vpin(1,1)"), ("1s",))).on_frame(frame)


def _compile_portfolio() -> None:
    from decimal import Decimal

    import numpy as np

    from operators.portfolio.settings import PortfolioSettings
    from operators.portfolio.step import AccountsStep, PortfolioStep, RatesStep
    from schemas.control import Account, Control
    from schemas.events import Place
    from schemas.holdings import Holding
    from schemas.market_frames import BAR
    from schemas.pnl_frames import PNL, AccountFrame
    from schemas.symbols import SYMBOLS
    from schemas.ticks import QUOTE, TickFrame, empty_rows

    SYMBOLS.code("EURUSD")
    rows = empty_rows(1)
    rows["kind"], rows["symbol"] = QUOTE, SYMBOLS.code("EURUSD")
    RatesStep(_shard_of("EURUSD"), None).process(TickFrame(rows))
    step = PortfolioStep(PortfolioSettings(), 0, None)
    step.process(TickFrame(rows))
    step.process(np.empty(0, BAR))
    nothing, place = Decimal(0), Place("orders.events", 0, 0)
    numbers = (1, Decimal(1), nothing, nothing, nothing, nothing, nothing, (), nothing)
    holding = Holding("A", "EURUSD", *numbers, "USD", Decimal(1), False, False, "", 0, place)
    pnl = np.zeros(1, PNL)
    accounts = AccountsStep(PortfolioSettings(), _shard_of("A"), None)
    accounts.process(Control("control.accounts", "A", Account("A")))
    accounts.process(AccountFrame([holding], [], pnl))
    AccountsStep(PortfolioSettings(), 0, accounts.snapshot())


def _compile_risk() -> None:
    from decimal import Decimal

    import numpy as np

    from operators.risk.accounts.exposures import ExposureBook, Held
    from operators.risk.accounts.step import AccountsRiskStep
    from operators.risk.settings import RiskFlowSettings
    from schemas.control import Control, Instrument, Limit
    from schemas.risk_frames import SYMBOL_MARK, SymbolMarks

    _compile_watches()
    marks = np.zeros(1, SYMBOL_MARK)
    step = AccountsRiskStep(RiskFlowSettings(), _shard_of("A"), None)
    step.process(Control("control.limits", "warm", Limit("warm", "gross_exposure", "account", Decimal(1), account="A")))
    step.process(_position())
    step.process(SymbolMarks(marks))
    book = ExposureBook("USD", "USD")
    book.hold(book.row("A"), "A", Held(Decimal(1), Decimal(0)), "USD")
    for kept in (book, ExposureBook("USD", "USD")):
        kept.load(book.dump())
        kept.on_marks(marks)
        kept.on_instrument("A", Instrument("A", multiplier=Decimal(2)))
        kept.touch(0)
        kept.touch_all(np.zeros(1, np.int64), np.zeros(1, np.int64))
        kept.evaluate()


def _compile_watches() -> None:
    from decimal import Decimal

    import numpy as np

    from operators.risk.symbols.step import LIMITS, SymbolsStep
    from schemas.control import Control, Limit
    from schemas.market_frames import BAR
    from schemas.symbols import SYMBOLS
    from schemas.ticks import TickFrame, empty_rows

    bars = np.zeros(1, BAR)
    bars["symbol"] = SYMBOLS.code("EURUSD")
    step = SymbolsStep(_shard_of("EURUSD"), None)
    step.process(Control(LIMITS, "warm", Limit("warm", "trailing_stop", "firm", Decimal("0.1"))))
    step.process(_position())
    step.process(bars)
    step.process(TickFrame(empty_rows(1)))


def _position() -> Event[PositionUpdate]:
    from decimal import Decimal

    from schemas.events import Event, Header, Place
    from schemas.portfolio import PositionUpdate

    nothing = Decimal(0)
    position = PositionUpdate("A", "EURUSD", Decimal(1), Decimal(1), nothing, nothing, nothing, "USD", "average", (), 1)
    return Event(Header("", "", "", 3, "", ""), position, 0, Place("portfolio.positions", 0, 0))


def _shard_of(name: str) -> int:
    from schemas.symbols import shard_of

    return shard_of(name.encode())


def _compile_encoder() -> None:
    import numpy as np

    from schemas import pnl_codec
    from schemas.market_codec import encode_marks
    from schemas.market_frames import MARK

    encode_marks(np.empty(0, MARK))
    pnl_codec.compile_kernels()


def _compile_archive() -> None:
    from dataclasses import replace

    import numpy as np

    from sinks.archive.table import archive_table, joined_records
    from sources.archive_records import records_of

    batch = _batch()
    batch = replace(batch, partition=batch.partition + np.array([1, 0], np.int32))  # so that they are sorted
    records_of(batch.topic, archive_table(joined_records([batch])))


def _compile_writers() -> None:
    from sinks import embedded_columns
    from trademaster.bus import kafka

    kafka.compile_kernels()
    embedded_columns.compile_kernels()


def _compile_points() -> None:
    from sinks import influxdb

    influxdb.compile_kernels()


def _batch() -> Batch:
    import numpy as np

    from schemas.bus import Batch

    values = [
        b'{"type":"trade","symbol":"A","timestamp":1340285400000000000,"price":223.95,"size":100,"sequence":1,"side":"buy","venue":"X"}',
        b'[{"type":"quote","symbol":"B","timestamp":1340285400000000001,"bid":1.5,"ask":1e-9},{"type":"heartbeat","timestamp":1340285402000000000}]',
    ]
    count = len(values)
    return Batch(
        topic="market.ticks",
        data=np.frombuffer(bytearray(b"".join(values)), np.uint8),
        ends=np.cumsum(np.array([len(value) for value in values], np.int64)),
        partition=np.zeros(count, np.int32),
        offset=np.arange(count, dtype=np.int64),
        timestamp_ms=np.zeros(count, np.int64),
    )


def main(arguments: list[str]) -> None:
    """Compile all; a line for each part, unless ``--quiet`` or nothing is to be done."""
    began, told = time.monotonic(), not are_compiled() and "--quiet" not in arguments
    compile_all(lambda what: print(f"compiling {what} ...", file=sys.stderr) if told else None)  # noqa: T201
    note_compiled()
    if told:
        print(f"kernels are compiled ({time.monotonic() - began:.0f} s, once)", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
