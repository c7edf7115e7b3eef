"""The contract of each version as it was stored, with examples of its events as they stand on the wire.

``python -m tests.contract.stored`` stores what was added to this version's contract. It takes nothing away: what is stored is a promise.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.events import Header
from tests.contract.compatibility import additions, complaints, distilled
from trademaster.contract import asyncapi

HERE = Path(__file__).parent
VERSION = Header("", "", "", 0, 0, "").version

WHAT_TO_DO = (
    "Within a version fields are only added, and optional. Either keep what was (add the new field beside it, with a default), or make the "
    "next version: raise `version` in schemas/events.py, store its contract and examples beside the old ones, and read both."
)


@dataclass(frozen=True, slots=True)
class Example:
    """One record."""

    version: str
    name: str
    """Of the event as the contract has it, and what else tells it apart."""
    topic: str
    key: bytes
    value: bytes


def versions() -> list[str]:
    """Every version that was stored."""
    return sorted(path.stem.removeprefix("v") for path in (HERE / "schemas").glob("v*.json"))


def contract_of(version: str) -> dict[str, Any]:
    """As ``compatibility.distilled`` makes it."""
    stored: dict[str, Any] = json.loads((HERE / "schemas" / f"v{version}.json").read_text(encoding="utf-8"))
    return stored


def contract_today() -> dict[str, Any]:
    """Of the program as it is."""
    # Through JSON, as the stored one went: tuples are lists there.
    today: dict[str, Any] = json.loads(json.dumps(distilled(asyncapi.document())))
    return today


def examples() -> list[Example]:
    """Each file holds one record: its topic and key, and its value as a text, byte for byte."""
    found = []
    for path in sorted((HERE / "examples").glob("v*/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        found.append(Example(path.parent.name[1:], path.stem, record["topic"], record["key"].encode(), record["value"].encode()))
    return found


def store() -> int:
    """Store what was added; 1 and the complaints if something was broken."""
    today = contract_today()
    path = HERE / "schemas" / f"v{VERSION}.json"
    broken = complaints(contract_of(VERSION), today) if path.exists() else []
    if broken:
        print(*broken, WHAT_TO_DO, sep="\n", file=sys.stderr)
        return 1
    for line in additions(contract_of(VERSION), today) if path.exists() else ["all of it"]:
        print("stored", line)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(today, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(store())
