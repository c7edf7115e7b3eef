"""How an account, or the firm, is said to stand."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import msgspec
import numpy as np

from operators.risk.accounts.values import cushion
from operators.risk.edges import SOURCE, Cause
from operators.risk.settings import RiskFlowSettings
from schemas.events import LANES, Event, EventType, Header, Payload
from schemas.kernels import plain
from schemas.risk import ExposureUpdate, MarginUpdate
from schemas.times import format_time

_encode = msgspec.json.encode

NO_NUMBERS = (math.nan,) * 6


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is said of an account; None: not known."""

    account: str
    currency: str
    equity: float | None
    margin_used: float | None
    maintenance: float | None
    cushion: float | None
    gross: float | None
    net: float | None
    leverage: float | None
    largest_weight: float | None
    largest_symbol: str | None
    hhi: float | None
    drawdown: float | None
    day_pnl: float | None
    var_parametric: float | None
    var_ewma: float | None
    var_historical: float | None
    expected_shortfall: float | None
    volatility: float | None
    beta: float | None
    observations: int
    reasons: tuple[str, ...]
    """Why something is not known: of exposures and balance."""
    reason: str | None
    """Why statistics are not."""

    @property
    def margin(self) -> tuple[str, float | None, float | None]:
        """What is required."""
        return self.currency, self.margin_used, self.maintenance

    def plain(self) -> tuple[Any, ...]:
        """To compare."""
        return astuple(self)

    @classmethod
    def of(
        cls,
        account: str,
        currency: str,
        sums: np.void,
        balance: np.void,
        numbers: Sequence[float] | None,
        observations: int,
        largest: str | None,
        reasons: Sequence[str | None],
    ) -> Figures:
        """From an account's sums, balance and statistics."""
        gross, equity, high = float(sums["gross"]), float(balance["equity"]), float(balance["high"])
        maintenance = float(sums["maintenance"])
        has_any = gross > 0.0
        parametric, ewma, historical, shortfall, volatility, beta = (_known(number) for number in numbers or NO_NUMBERS)
        found = tuple(dict.fromkeys(reason for reason in (*reasons, "equity is not above 0" if equity <= 0.0 else None) if reason))
        lacks_returns = parametric is None and not found and gross != 0.0
        return cls(
            account,
            currency,
            _known(equity),
            _known(sums["initial"]),
            _known(maintenance),
            None if equity == 0.0 else _known(plain(cushion)(equity, maintenance)),
            _known(gross),
            _known(sums["net"]),
            _known(gross / equity) if equity > 0.0 else None,
            _known(sums["largest"] / gross) if has_any else None,
            largest if has_any else None,
            _known(sums["squares"] / gross / gross) if has_any else None,
            _known(round(1.0 - equity / high, 12)) if high > 0.0 else None,
            _known(balance["day"]),
            parametric,
            ewma,
            historical,
            shortfall,
            volatility,
            beta,
            observations,
            found,
            (f"{observations} returns are too few" if observations else "no returns yet of all that it holds") if lacks_returns else None,
        )


def exposure_event(figures: Figures, settings: RiskFlowSettings, version: int, cause: Cause, *, of_firm: bool) -> Event[ExposureUpdate]:
    """EXPOSURE_UPDATE."""
    payload = ExposureUpdate(
        scope="firm" if of_firm else "account",
        account=None if of_firm else figures.account,
        currency=figures.currency,
        equity=figures.equity,
        gross_exposure=figures.gross,
        net_exposure=figures.net,
        leverage=figures.leverage,
        largest_weight=figures.largest_weight,
        largest_symbol=figures.largest_symbol,
        hhi=figures.hhi,
        margin_used=figures.margin_used,
        maintenance_margin=figures.maintenance,
        margin_cushion=figures.cushion,
        drawdown=figures.drawdown,
        day_pnl=figures.day_pnl,
        var_historical=figures.var_historical,
        var_parametric=figures.var_parametric,
        var_ewma=figures.var_ewma,
        expected_shortfall=figures.expected_shortfall,
        realized_volatility=figures.volatility,
        beta=figures.beta,
        beta_symbol=settings.beta_symbol,
        interval=settings.interval,
        observations=figures.observations,
        confidence=settings.numbers.confidence,
        horizon=settings.numbers.horizon,
        version=version,
        reason="; ".join([*figures.reasons, *([figures.reason] if figures.reason else [])]) or None,
    )
    return _event(EventType.EXPOSURE_UPDATE, f"exposure|{payload.account or 'firm'}", payload, cause)


def margin_event(figures: Figures, version: int, cause: Cause) -> Event[MarginUpdate]:
    """MARGIN_UPDATE."""
    numbers = figures.equity, figures.margin_used, figures.maintenance, figures.cushion
    payload = MarginUpdate(figures.account, figures.currency, *numbers, version, "; ".join(figures.reasons) or None)
    return _event(EventType.MARGIN_UPDATE, f"margin|{figures.account}", payload, cause)


def _event(kind: EventType, name: str, payload: Payload, cause: Cause) -> Event[Any]:
    """Its id holds a digest of what is said: one id has one content, whatever comes in another order after a crash."""
    digest = hashlib.blake2b(_encode((payload, cause.correlation_id)), digest_size=12).hexdigest()
    header = Header(
        f"{name}|{cause.time_ns}|{digest}", cause.correlation_id, kind.value, int(LANES[kind]), format_time(max(cause.time_ns, 0)), SOURCE
    )
    return Event(header, payload, cause.time_ns, cause.place)


def _known(number: Any) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None
