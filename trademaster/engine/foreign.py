"""Flows of somebody's own, named ``MODULE:NAME``: an object of class ``flows.flow.Flow`` in a module that can be imported from here."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from flows.table import DELIVERIES, FLOWS
from schemas.errors import TradeMasterError, UnknownFlow
from schemas.topics import TOPICS

if TYPE_CHECKING:
    from flows.flow import Flow


def is_foreign(name: str) -> bool:
    """Whether a name of a flow names a module."""
    return ":" in name


def load_flow(name: str) -> Flow:
    """Import the flow; modules are looked for in the present folder first, as Python's own programs do.

    Raises:
        UnknownFlow: there is none, or it is none that can be run.
        OwnFlowError: its module cannot be imported.
    """
    from flows.flow import Flow
    from flows.own_checks import failure

    module, _, attribute = name.partition(":")
    if module.endswith(".py") or not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise UnknownFlow(
            f"expected MODULE:NAME such as breakout:FLOW, found {name}", hint="a module is named without .py, and its folders with dots"
        )
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(import_module(module), attribute, None)
    except TradeMasterError:
        raise
    except ModuleNotFoundError as error:
        raise UnknownFlow(
            f"expected a module {module!r} with a flow, found none: {error}",
            hint=f"it is looked for in {Path.cwd()}, then where Python looks",
        ) from None
    except Exception as error:
        raise failure(f"{name}: importing it", error) from error
    if not isinstance(found, Flow):
        raise UnknownFlow(f"expected a Flow in {name}, found {type(found).__name__}", hint="docs/extending.md has one of twenty lines")
    strangers = [topic for topic in (*found.row.reads, *found.row.writes) if topic not in TOPICS]
    if strangers or found.row.name in {*FLOWS, *DELIVERIES}:
        wrong = f"topics of the table, found {', '.join(strangers)}" if strangers else f"a name of its own, found {found.row.name!r}"
        raise UnknownFlow(f"{name}: expected {wrong}", hint="`trademaster topics list` shows the topics")
    return found
