"""Lines for the flows of risk, and what comes out of a pipe over them."""

from __future__ import annotations

import io
from typing import Any

import msgspec

from trademaster.pipe_input import run_pipe_over
from trademaster.settings import Settings

SECOND = 10**9
Line = dict[str, Any]


def piped(lines: list[Line], flows: tuple[str, ...] = ("portfolio", "risk"), **sections: Any) -> list[Line]:
    """What comes out, as records."""
    out, source = io.BytesIO(), io.BytesIO(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    run_pipe_over(Settings(**sections), list(flows), source, out)
    return [msgspec.json.decode(line) for line in out.getvalue().splitlines()]


def line(topic: str, **value: Any) -> Line:
    return {"topic": topic, "value": value}


def opened(account: str = "A", cash: str = "100000", **more: Any) -> Line:
    return line("control.accounts", account=account, cash=cash, **more)


def limit(limit_id: str, rule: str, scope: str, threshold: Any, **more: Any) -> Line:
    return line("control.limits", limitId=limit_id, rule=rule, scope=scope, threshold=str(threshold), **more)


def fill(at_s: float, side: str, quantity: Any, price: Any, symbol: str = "X", account: str = "A") -> Line:
    execution = {"execType": "fill", "account": account, "symbol": symbol, "executionId": f"{account}{symbol}{at_s}", "side": side}
    return line("orders.events", **execution, quantity=str(quantity), price=str(price), timestamp=int(at_s * SECOND))


def trade(at_s: float, price: float, symbol: str = "X") -> Line:
    return line("market.ticks", type="trade", symbol=symbol, timestamp=int(at_s * SECOND), price=price, size=1)


def position(symbol: str, quantity: Any, version: int = 1, account: str = "A") -> Line:
    known = {"account": account, "symbol": symbol, "quantity": str(quantity), "version": version, "currency": "USD"}
    rest: Line = {"averagePrice": None, "realizedPnl": "0", "fees": "0", "costBasis": "0", "costing": "average", "lots": []}
    return line("portfolio.positions", **known, **rest)


def balance(equity: float, high: float | None = None, day: float = 0.0, account: str = "A") -> Line:
    known = {"account": account, "currency": "USD", "cash": str(equity), "equity": equity, "dayPnl": day}
    rest: Line = {"realizedPnl": 0.0, "unrealizedPnl": 0.0, "grossExposure": None, "netExposure": None, "highWaterMark": high or equity}
    return line("portfolio.accounts", **known, **rest)


def bar(symbol: str, end_s: int, close: float) -> Line:
    return line("market.bars", symbol=symbol, interval="1m", start=(end_s - 60) * SECOND, end=end_s * SECOND, close=close)


def order(order_id: str, at_s: float, quantity: int, price: Any, version: int = 1, status: str = "NEW", account: str = "A") -> Line:
    payload = {"orderId": order_id, "account": account, "symbol": "X", "side": "buy", "status": status, "orderType": "limit"}
    amounts = {"price": price, "stopPrice": None, "quantity": str(quantity), "filledQuantity": "0", "leavesQuantity": str(quantity)}
    nothing: Line = dict.fromkeys(("timeInForce", "averagePrice", "lastQuantity", "lastPrice", "venue", "strategy", "user", "reason"))
    header = {
        "eventId": f"order|{order_id}|{version}",
        "correlationId": "c",
        "eventType": "ORDER_PLACED",
        "priority": 2,
        "source": "orders",
    }
    header["timestamp"] = int(at_s * SECOND)
    return line("orders.updates", header=header, payload={**payload, **amounts, **nothing, "version": version})


def alerts(records: list[Line]) -> list[tuple[str, str, float]]:
    """Type, id and value of each alert on a limit."""
    found = [record["value"] for record in records if record["topic"] == "risk.alerts" and "alertId" in record["value"]["payload"]]
    return [(one["header"]["eventType"], one["header"]["eventId"], one["payload"]["value"]) for one in found]


def of_type(records: list[Line], event_type: str) -> list[Line]:
    return [record["value"]["payload"] for record in records if record["value"]["header"]["eventType"] == event_type]


def exposures(records: list[Line], account: str | None = "A") -> list[Line]:
    return [payload for payload in of_type(records, "EXPOSURE_UPDATE") if payload["account"] == account]


BREACH, CLEARED = "RISK_LIMIT_BREACH", "RISK_LIMIT_CLEARED"


def trading(records: list[Line]) -> list[tuple[str, Line]]:
    found = [record["value"] for record in records if record["value"]["header"]["eventType"].startswith("TRADING_")]
    return [(one["header"]["eventType"], one["payload"]) for one in found]
