"""State as a list of plain values, in the order of the slots."""

from __future__ import annotations

from typing import Any, ClassVar


class Piece:
    """Something that remembers. Slots that begin with an underscore are its state, the others its parameters.

    State is a number, None, a tuple, a list of numbers or of tuples, or another piece.
    """

    __slots__ = ()
    state_names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = cls.__dict__.get("__slots__", ())
        cls.state_names = (*cls.state_names, *sorted(name for name in own if name.startswith("_")))

    def save(self) -> list[Any]:
        """A copy of the state."""
        return [_saved(getattr(self, name)) for name in self.state_names]

    def load(self, stored: list[Any]) -> None:
        """Take over a saved state."""
        for name, value in zip(self.state_names, stored, strict=True):
            present = getattr(self, name)
            if isinstance(present, Piece):
                present.load(value)
            elif isinstance(present, list):
                present[:] = value
            else:
                setattr(self, name, value)


def _saved(value: Any) -> Any:
    if isinstance(value, Piece):
        return value.save()
    return value.copy() if isinstance(value, list) else value
