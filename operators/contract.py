"""What every operator keeps, and what a test must be told to hold it to the laws.

An operator is a public class under ``operators/`` with ``snapshot`` and ``restore``. Laws: it is documented; its state is plain data
with a version, and whoever restores it goes on identically; the same inputs make the same outputs and ids; batches do not matter;
compiled and uncompiled it is the same. ``tests/operators/test_laws.py`` finds every operator by itself and asks for its Case.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import operators


class Operator(Protocol):
    """A state that inputs change and outputs come from."""

    def snapshot(self) -> dict[str, Any]:
        """All that is remembered as plain data with a ``version``; later inputs leave it alone."""

    def restore(self, stored: dict[str, Any]) -> None:
        """Continue from a snapshot, on an operator that has seen nothing."""


@dataclass(slots=True)
class Said:
    """What came out of one batch of inputs, as plain values to compare."""

    decisions: list[tuple[str, Any]] = field(default_factory=list)
    """(id, content) of what every split of the inputs must make alike; of one key in this order."""
    latest: dict[str, tuple[str, Any]] = field(default_factory=dict)
    """Conflated: key to (id, content). The last of a key must be alike, and an id has one content."""


@dataclass(frozen=True, slots=True)
class Case:
    """How to make an operator, what to feed it, and how to read its answer."""

    make: Callable[[], Any]
    inputs: Callable[[int], Sequence[Any]]
    """Of a seed a stream of events in order; it ends so that all that is open is said."""
    apply: Callable[[Any, Sequence[Any]], Said]
    """Give an operator some consecutive events as one batch."""


def find_operators() -> list[type]:
    """Every operator there is, by module and name."""
    found = []
    for module_info in pkgutil.walk_packages(operators.__path__, "operators."):
        module = importlib.import_module(module_info.name)
        for name, member in vars(module).items():
            own = inspect.isclass(member) and member.__module__ == module.__name__ and not name.startswith("_")
            if (
                own
                and member is not Operator
                and not inspect.isabstract(member)
                and callable(getattr(member, "snapshot", None))
                and callable(getattr(member, "restore", None))
            ):
                found.append(member)
    return sorted(found, key=lambda operator: (operator.__module__, operator.__name__))
