"""What ``make setup`` compiles is all that a run calls: nobody waits for a compiler at the first tick, or at the first limit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.kernel_cache import CACHE_FOLDER, are_compiled
from schemas.kernels import is_uncompiled
from schemas.times import SECOND_NS

FLOWS = ("market", "orders", "paper", "portfolio", "signals", "risk")
START = 1_767_364_200 * SECOND_NS
SETS = ('signals.indicators=["sma(2)","ofi","vpin(100,5)"]', "market.intervals=1s")


def lines() -> list[dict[str, object]]:
    """A position under limits of all kinds of kernels, and ticks that pass them."""
    limits = [
        ("gross_exposure", "account", 500),
        ("trailing_stop", "account", 0.05),
        ("price_band", "firm", 0.01),
        ("stale_price", "account", 1),
    ]
    given: list[dict[str, object]] = [
        {"topic": "control.limits", "value": {"limitId": rule, "rule": rule, "scope": scope, "account": "A", "threshold": threshold}}
        for rule, scope, threshold in limits
    ]
    order = {"command": "place", "account": "A", "orderId": "O", "symbol": "X", "side": "buy", "quantity": 10, "orderType": "market"}
    given.append({"topic": "orders.commands", "value": order})
    for second, price in enumerate((100, 101, 90, 95, 80, 85)):
        tick = {"symbol": "X", "timestamp": START + second * SECOND_NS}
        given.append(
            {"topic": "market.ticks", "value": {**tick, "type": "quote", "bid": price, "ask": price + 1, "bidSize": 50, "askSize": 60}}
        )
        given.append({"topic": "market.ticks", "value": {**tick, "type": "trade", "price": price, "size": 70}})
    return given


@pytest.mark.skipif(is_uncompiled() or not are_compiled(), reason="kernels are not compiled beforehand: make setup")
def test_a_run_compiles_nothing(tmp_path: Path) -> None:
    cache = tmp_path / CACHE_FOLDER.name
    shutil.copytree(CACHE_FOLDER, cache, copy_function=shutil.copy2)
    before = {path.name for path in cache.rglob("*.nbc")}
    command = [sys.executable, "-m", "trademaster", "pipe", *FLOWS, *(word for each in SETS for word in ("--set", each))]
    text = "".join(json.dumps(line) + "\n" for line in lines())
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    ran = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False, env=environment)
    assert ran.returncode == 0, ran.stderr
    said = {json.loads(line)["value"]["header"]["eventType"] for line in ran.stdout.splitlines()}
    assert {"RISK_LIMIT_BREACH", "STOP_LOSS_TRIGGERED", "PNL_CHANGE", "INDICATOR_UPDATE", "ORDER_FILLED"} <= said, said
    assert {path.name for path in cache.rglob("*.nbc")} == before
