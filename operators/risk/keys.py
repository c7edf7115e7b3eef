"""Whom a limit holds: an account, a symbol, a position (an account's of a symbol), or the firm."""

from __future__ import annotations

from typing import NamedTuple

from schemas.control import Limit


class Key(NamedTuple):
    """Neither: the firm."""

    account: str | None = None
    symbol: str | None = None

    @property
    def text(self) -> str:
        """As alerts name it: ``account:A``, ``symbol:X``, ``account:A/symbol:X`` or ``firm``."""
        parts = [f"{kind}:{name}" for kind, name in (("account", self.account), ("symbol", self.symbol)) if name is not None]
        return "/".join(parts) or "firm"


FIRM = Key()


def covers(limit: Limit, key: Key) -> bool:
    """Whether a key is among those that a limit's scope names. A limit of the firm covers all, one of an account all of its positions."""
    return ("account" not in limit.scope or limit.account == key.account) and ("symbol" not in limit.scope or limit.symbol == key.symbol)
