"""The layer law: each package imports only what stands above it, and operators are deterministic."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

MAY_IMPORT = {
    "schemas": set[str](),
    "operators": {"schemas"},
    "flows": {"operators", "schemas"},
    "sources": {"schemas"},
    "sinks": {"schemas"},
    "trademaster": {"flows", "operators", "schemas", "sinks", "sources"},
}
OURS = {*MAY_IMPORT, "tests", "benchmarks"}

# An operator is (state, event) -> (state, outputs): whatever reaches a clock, chance, the machine or a log is not its business.
NOT_IN_OPERATORS = {
    "asyncio", "bytewax", "confluent_kafka", "glob", "http", "io", "logging", "multiprocessing", "os", "pathlib", "prometheus_client",
    "random", "rich", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "structlog", "subprocess", "sys", "tempfile",
    "threading", "time", "urllib", "warnings",
}  # fmt: skip
CALLS_NOT_IN_OPERATORS = {
    "breakpoint", "datetime.now", "datetime.today", "datetime.utcnow", "date.today", "input", "open", "print",
    "uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4",
}  # fmt: skip
# numba replays nothing from a seed that a caller holds: its generator is hidden state.
RANDOM_OF_NUMPY = ("np.random", "numpy.random")


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported_by(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of each module imported, also inside functions and by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide the layer; write the full name"
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"__import__", "importlib.import_module", "import_module"}:
            first = node.args[0] if node.args else None
            yield node.lineno, first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def breaches_of_layers(package: str, source: str) -> list[str]:
    """What a file of a package may not import, as ``line: module``."""
    not_allowed = OURS - MAY_IMPORT[package] - {package}
    return [f"{line}: {module}" for line, module in imported_by(ast.parse(source)) if module.partition(".")[0] in not_allowed]


def breaches_of_determinism(source: str) -> list[str]:
    """What an operator may not import or call, as ``line: name``."""
    tree = ast.parse(source)
    found = [f"{line}: {module}" for line, module in imported_by(tree) if module.partition(".")[0] in NOT_IN_OPERATORS]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if any(called == name or called.endswith(f".{name}") for name in CALLS_NOT_IN_OPERATORS) or called.startswith(RANDOM_OF_NUMPY):
            found.append(f"{node.lineno}: {called}")
    return found


def imports_bytewax(source: str) -> bool:
    return any(module.partition(".")[0] == "bytewax" for _, module in imported_by(ast.parse(source)))


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_stands_above_it(package: str) -> None:
    found = [f"{path.relative_to(ROOT)}:{breach}" for path in files_of(package) for breach in breaches_of_layers(package, path.read_text())]
    allowed = ", ".join(sorted(MAY_IMPORT[package])) or "nobody"
    assert not found, f"{package} may import {allowed} of ours; found {found}"


def test_only_flows_and_the_engine_know_bytewax() -> None:
    engine = ROOT / "trademaster" / "engine"
    outside = [path for package in MAY_IMPORT if package != "flows" for path in files_of(package) if engine not in path.parents]
    found = [str(path.relative_to(ROOT)) for path in outside if imports_bytewax(path.read_text())]
    assert not found, f"only flows/ and trademaster/engine/ import bytewax, so that the engine can be replaced; found {found}"


def test_operators_have_no_clock_no_chance_no_io_and_no_log() -> None:
    found = [f"{path.relative_to(ROOT)}:{breach}" for path in files_of("operators") for breach in breaches_of_determinism(path.read_text())]
    assert not found, f"pass it in as an event or a parameter; found {found}"


def test_operators_change_no_globals() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in files_of("operators")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Global)
    ]
    assert not found, f"state is a value that the engine keeps; found {found}"


@pytest.mark.parametrize(
    ("package", "source"),
    [
        ("schemas", "import operators.market.bars"),
        ("operators", "from sources import kafka"),
        ("sources", "def f():\n    from sinks.kafka import writer"),
        ("sinks", "import importlib\nimportlib.import_module('trademaster.settings')"),
        ("flows", "from trademaster.engine import wiring"),
        ("trademaster", "from tests.servers import kafka"),
    ],
)
def test_the_layer_law_sees_a_breach(package: str, source: str) -> None:
    assert breaches_of_layers(package, source)


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "from os import path",
        "import datetime\ndatetime.datetime.now()",
        "from uuid import uuid4\nuuid4()",
        "import numpy as np\nnp.random.rand()",
        "print(1)",
        "import logging",
    ],
)
def test_the_law_of_determinism_sees_a_breach(source: str) -> None:
    assert breaches_of_determinism(source)
