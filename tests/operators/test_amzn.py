"""Four-second bars of a real session equal those of another program, each field, however the session is cut into batches."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from operators.market.output import MarketSettings
from operators.market.shard import MarketShard
from operators.market.shards import split
from operators.market.watermarks import fill_watermarks
from schemas.symbols import SHARDS, SYMBOLS
from schemas.ticks import WATERMARK, empty_rows
from schemas.times import END_OF_TIME_NS
from tests.operators import amzn


def sizes(batching: str) -> Iterator[int]:
    rng = random.Random(7)
    while True:
        yield {"whole": 1 << 20, "ones": 1, "sevens": 7, "random": rng.randint(1, 900)}[batching]


@pytest.mark.parametrize("batching", ["whole", "ones", "sevens", "random"])
def test_four_second_bars_of_amzn(batching: str) -> None:
    rows, at = amzn.trades(), 0
    state: dict[int, int] = {}
    shards = [MarketShard(MarketSettings(intervals=("4s",)), shard) for shard in range(SHARDS)]
    found, ticks = [], 0
    for size in sizes(batching):
        batch = rows[at : at + size]
        at += size
        if not len(batch):
            batch = empty_rows(1)
            batch["kind"], batch["time"], batch["symbol"] = WATERMARK, END_OF_TIME_NS, -1
        state = fill_watermarks(batch, state)
        for shard, frame in split(batch):
            output = shards[shard].on_frame(frame)
            ticks += output.counts.out
            for bar in output.bars:
                found.append(tuple(bar[name].item() for name in ("end", "open", "high", "low", "close", "volume")))
                assert SYMBOLS.names[bar["symbol"]] == "AMZN"
                assert bar["start"] == bar["end"] - 4_000_000_000
        if at >= len(rows) + size:
            break
    assert found == amzn.bars()
    assert len(found) == 2226
    assert ticks == len(rows) == 11_419
