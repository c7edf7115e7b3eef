"""The kernels of watches are compiled once: whatever a state has been through, there is one signature of each."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from operators.risk.symbols import watch_kernel
from operators.risk.symbols.symbol_risk import SymbolRisk
from schemas.kernels import is_uncompiled
from tests.operators.cases_risk_stops import stop_apply, stop_inputs

KERNELS: tuple[Any, ...] = (
    watch_kernel.take_rows,
    watch_kernel.take_closes,
    watch_kernel.judge_row,
    watch_kernel.settle,
    watch_kernel.say_marks,
)


@pytest.mark.skipif(is_uncompiled(), reason="nothing is compiled")
def test_one_signature_each_after_pickling_and_restoring() -> None:
    for seed in range(5):
        events, risk = stop_inputs(seed), SymbolRisk()
        stop_apply(risk, events[::2])
        again = SymbolRisk()
        again.restore(pickle.loads(pickle.dumps(risk.snapshot())))
        stop_apply(again, events[1::2])
    assert [len(kernel.signatures) for kernel in KERNELS] == [1] * len(KERNELS)
