"""What is left to chance, drawn from the seed and the names of what it is about: asked again it answers the same."""

from __future__ import annotations

from hashlib import blake2b

from operators.orders.settings import PaperSettings

_BITS = 53


def draw(seed: int, *names: object) -> float:
    """A number in [0, 1), evenly spread over names."""
    text = "\x1f".join([str(seed), *map(str, names)]).encode("utf-8", "surrogatepass")
    return (int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> (64 - _BITS)) / (1 << _BITS)


def latency_of(settings: PaperSettings, account: str, order_id: str, request_id: str) -> int:
    """Event time from a request to its effect, ns."""
    if not settings.jitter_ns:
        return settings.latency_ns
    return settings.latency_ns + int(draw(settings.seed, "latency", account, order_id, request_id) * (settings.jitter_ns + 1))


def is_filled_at_touch(settings: PaperSettings, account: str, order_id: str, place: tuple[int, int, int]) -> bool:
    """Whether a tick at an order's limit fills it."""
    return settings.touch >= 1.0 or draw(settings.seed, "touch", account, order_id, *place) < settings.touch
