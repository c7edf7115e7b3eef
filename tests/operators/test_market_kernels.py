"""Kernels are compiled once: whatever a frame or a state has been through, there is one signature of each."""

from __future__ import annotations

import pickle

import pytest

from operators.market.output import MarketSettings
from operators.market.shard import MarketShard
from operators.market.shards import split
from operators.market.warm_up import KERNELS, warm_up
from operators.market.watermarks import fill_watermarks
from schemas.kernels import is_uncompiled
from schemas.ticks import TickFrame
from tests.operators import amzn


@pytest.mark.skipif(is_uncompiled(), reason="nothing is compiled")
def test_one_signature_each_after_pickling_restoring_and_slicing() -> None:
    warm_up()
    rows = amzn.trades()[:500]
    fill_watermarks(rows, {})
    shard = MarketShard(MarketSettings())
    shard.restore(pickle.loads(pickle.dumps(shard.snapshot())))
    shard.on_frame(TickFrame(rows[::2]))
    again = MarketShard(MarketSettings())
    again.restore(pickle.loads(pickle.dumps(shard.snapshot())))
    for _, frame in split(rows):
        again.on_frame(pickle.loads(pickle.dumps(frame)))
    assert [len(kernel.signatures) for kernel in KERNELS] == [1] * len(KERNELS)
