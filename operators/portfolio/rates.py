"""Rates of exchange: what is known of them, and which symbols say it."""

from __future__ import annotations

from decimal import Decimal

from operators.portfolio.exact import ONE, multiply, quotient
from schemas.control import Instrument
from schemas.holdings import Rate

ISO_4217 = frozenset(
    {
        *("AED", "ARS", "AUD", "BGN", "BHD", "BRL", "CAD", "CHF", "CLP", "CNH", "CNY", "COP", "CZK", "DKK", "EGP", "EUR"),
        *("GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JOD", "JPY", "KES", "KRW", "KWD", "KZT", "MAD", "MXN", "MYR"),
        *("NGN", "NOK", "NZD", "OMR", "PEN", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SEK", "SGD", "THB"),
        *("TND", "TRY", "TWD", "UAH", "USD", "UYU", "VND", "ZAR", "XAU", "XAG", "XPT", "XPD"),
    }
)
"""Codes by which a symbol is known as a pair without being told."""

DIGITAL = frozenset(
    {
        *("BTC", "XBT", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "LTC", "BCH", "DOT", "TRX", "AVAX", "LINK", "XLM", "ETC"),
        *("USDT", "USDC", "BUSD", "DAI", "FDUSD"),
    }
)
"""The usual ones, known in the same way."""

CODES = ISO_4217 | DIGITAL
LONGEST_PAIR = 2 * max(map(len, CODES)) + 1


class Rates:
    """The newest rate of each pair. At most MAX_PAIRS of them: what comes beyond is not kept."""

    MAX_PAIRS = 10_000

    def __init__(self, pivot: str) -> None:
        """``pivot``: the currency through which two others are converted that have no pair."""
        self._pivot = pivot
        self._mids: dict[tuple[str, str], tuple[Decimal, int]] = {}

    def put(self, rate: Rate) -> bool:
        """Keep a rate unless a newer one is known; whether it was kept."""
        known = self._mids.get((rate.base, rate.quote))
        if not rate.mid.is_finite() or rate.mid <= 0 or (known is None and len(self._mids) >= self.MAX_PAIRS):
            return False
        if known is not None and known[1] > rate.time_ns:
            return False
        self._mids[rate.base, rate.quote] = (rate.mid, rate.time_ns)
        return True

    def rate(self, base: str, quote: str) -> Decimal | None:
        """What one unit of ``base`` is worth in ``quote``: directly, inversely, else by one cross through the pivot; None: unknown."""
        if base == quote:
            return ONE
        direct = self._pair(base, quote)
        if direct is not None:
            return direct
        if self._pivot in (base, quote):
            return None
        first, second = self._pair(base, self._pivot), self._pair(self._pivot, quote)
        return None if first is None or second is None else multiply(first, second)

    def _pair(self, base: str, quote: str) -> Decimal | None:
        known = self._mids.get((base, quote))
        if known is not None:
            return known[0]
        known = self._mids.get((quote, base))
        return None if known is None else quotient(ONE, known[0])

    def dump(self) -> list[tuple[str, str, str, int]]:
        """Plain data."""
        return [(base, quote, str(mid), time_ns) for (base, quote), (mid, time_ns) in self._mids.items()]

    def load(self, stored: list[tuple[str, str, str, int]]) -> None:
        """Continue from what ``dump`` returned."""
        self._mids = {(base, quote): (Decimal(mid), time_ns) for base, quote, mid, time_ns in stored}


def pair_of(symbol: str, instrument: Instrument | None) -> tuple[str, str] | None:
    """(base, quote) of a symbol whose price is a rate of exchange; None: it is none.

    An instrument says it by its ``baseCurrency`` (a linear one, of multiplier 1); a symbol of an instrument without one, or that nobody
    defined, by two codes: ``EURUSD``, ``EUR/USD``, ``EUR-USD``, ``BNBUSDT``. What an inverse contract costs is no rate.
    """
    if instrument is not None and instrument.inverse:
        return None
    if instrument is not None and instrument.base_currency:
        is_rate = instrument.multiplier == 1 and instrument.base_currency != instrument.currency
        return (instrument.base_currency, instrument.currency) if is_rate else None
    if len(symbol) > LONGEST_PAIR:
        return None
    pairs = ((symbol[:at], symbol[at:].removeprefix(symbol[at]) if symbol[at] in "/-._" else symbol[at:]) for at in range(3, len(symbol)))
    return next(((base, quote) for base, quote in pairs if base != quote and base in CODES and quote in CODES), None)
