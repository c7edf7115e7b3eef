"""What every registered operator answers to some fixed streams, as one digest: ``python -m tests.operators.digest``."""

from __future__ import annotations

import hashlib

from operators.contract import Case
from schemas.interning import ACCOUNTS, CURRENCIES
from schemas.symbols import SYMBOLS
from tests.operators.cases import CASES


def digest(case: Case, seeds: range) -> str:
    """Inputs one by one, and all at once; outputs and the state in the middle."""
    text = hashlib.sha256()
    for seed in seeds:
        events = case.inputs(seed)
        for step in (1, len(events)):
            operator = case.make()
            for at in range(0, len(events), step):
                text.update(repr(case.apply(operator, events[at : at + step])).encode())
            text.update(repr(operator.snapshot()).encode())
    return text.hexdigest()


def digests(seeds: range) -> dict[str, str]:
    return {operator.__qualname__: digest(case, seeds) for operator, case in CASES.items()}


def shuffle_codes() -> None:
    """Give names their codes in another order than the streams do: a state must not tell in which process it was."""
    for name in ("quiet", "X", "EURUSD", "AMZN", "EURGBP", "A"):
        SYMBOLS.code(name)
    for name in ("C", "B", "A"):
        ACCOUNTS.code(name)
    for name in ("JPY", "EUR", "USD"):
        CURRENCIES.code(name)


if __name__ == "__main__":
    shuffle_codes()
    print(digests(range(12)))
