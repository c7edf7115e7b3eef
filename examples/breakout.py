"""Signals at breakouts: an operator and a flow of one's own."""

from flows.own import Bar, Events, EventType, Item, Signal, Step, event, flow


class Breakout(Step):
    """Says `buy` when a bar closes above the twenty before it, `flat` when one closes below them all."""

    def process(self, bar: Item) -> Events:
        if not isinstance(bar, Bar):
            return
        known = self.state.setdefault(f"{bar.symbol} {bar.interval}", {"closes": [], "action": "flat"})
        closes, action = known["closes"], known["action"]
        if len(closes) == 20:
            action = "buy" if bar.close > max(closes) else "flat" if bar.close < min(closes) else action
        if action != known["action"]:
            said = Signal(bar.symbol, "my-breakout", action, 1.0, bar.close, bar.end, {}, bar.interval)
            yield event(EventType.SIGNAL_GENERATED, f"my-breakout|{bar.symbol}|{bar.interval}|{bar.end}", said, bar.end)
        known.update(closes=[*closes, bar.close][-20:], action=action)


FLOW = flow("my-breakout", reads=["market.bars"], writes="signals", step=Breakout)
