"""The tidy test: what STYLE asks of every file and a machine can see."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("schemas", "operators", "flows", "sources", "sinks", "trademaster")
DOCUMENTED = ("schemas", "operators", "flows", "sources", "sinks")
LINES_A_FILE = 400
LINES_A_FUNCTION = 60
SAYS_NOTHING = re.compile(r"(^|/)(utils?|helpers?|common|misc|manager)(\.py$|/)")

# Built from parts, so that this file does not find itself.
OF_ONE_MACHINE = re.compile(
    "|".join(["/" + "work/", "/" + "farm/", "/" + r"home/[a-z]", "/" + r"Users/[A-Za-z]", "/" + "root/", "bash" + "_jobs"])
)
OF_A_REGISTRY = re.compile(
    "|".join([r"pypi" + r"\.org", r"python" + "hosted", r"(--)?index-" + "url", r"repo1?\." + "maven", r"registry" + r"\.npmjs"])
)


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows, or all where there is no git, as in an unpacked archive."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("not a git clone: there is no list of tracked files")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of_code(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring: documentation is not length."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body and body[-1].end_lineno else 0


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Public module-level names of one file that have no docstring, and the module itself."""
    if ast.get_docstring(tree) is None:
        yield "the module"
    for node in tree.body:
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and ast.get_docstring(node) is None
            and not _is_overload(node)
        ):
            yield node.name


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any(ast.unparse(decorator).endswith("overload") for decorator in node.decorator_list)


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        try:
            yield path, path.read_text()
        except UnicodeDecodeError:
            continue


def test_names_say_something() -> None:
    found = [shown(path) for path in tracked("*.py") if SAYS_NOTHING.search(shown(path))]
    assert not found, f"name a file by its noun; found {found}"


def test_files_hold_one_idea() -> None:
    found = {shown(path): count for path in tracked("*.py") if (count := len(path.read_text().splitlines())) > LINES_A_FILE}
    assert not found, f"at most {LINES_A_FILE} lines a file; found {found}"


def test_functions_are_short() -> None:
    found = {
        f"{shown(path)}:{function.lineno} {function.name}": count
        for path in tracked("*.py")
        for function in functions(ast.parse(path.read_text()))
        if (count := lines_of_code(function)) > LINES_A_FUNCTION
    }
    assert not found, f"at most {LINES_A_FUNCTION} lines a function; found {found}"


@pytest.mark.parametrize("package", DOCUMENTED)
def test_public_things_are_documented(package: str) -> None:
    found = [f"{shown(path)}: {name}" for path in tracked(f"{package}/*.py") for name in undocumented(ast.parse(path.read_text()))]
    assert not found, f"say what, shapes, units, errors; found {found}"


def test_every_package_is_there_and_says_what_it_knows() -> None:
    found = [package for package in PACKAGES if not (ROOT / package / "__init__.py").is_file()]
    assert not found, f"no __init__.py in {found}"


def test_nothing_belongs_to_one_machine() -> None:
    found = [f"{shown(path)}: {match.group()}" for path, text in texts() if (match := OF_ONE_MACHINE.search(text))]
    assert not found, f"paths of one machine; found {found}"


def test_no_registry_is_named() -> None:
    found = [f"{shown(path)}: {match.group()}" for path, text in texts() if (match := OF_A_REGISTRY.search(text))]
    assert not found, f"the user's own tools know their registry; found {found}"


def test_locked_packages_have_hashes_and_the_runtime_lock_is_part_of_the_other() -> None:
    runtime, everything = (_locked(ROOT / name) for name in ("requirements.lock", "requirements-dev.lock"))
    assert runtime.items() <= everything.items()


def _locked(path: Path) -> dict[str, str]:
    """Requirement to its hashes."""
    entries = re.split(r"\n(?=[a-z0-9])", re.sub(r"^ *#.*\n?", "", path.read_text(), flags=re.MULTILINE))
    found = {entry.split(" \\")[0].strip(): entry.strip() for entry in entries if entry.strip()}
    without = [name for name, entry in found.items() if "==" not in name or "--hash=sha256:" not in entry]
    assert not without, f"{path.name}: not pinned by version and hash: {without}"
    return found


def test_the_tidy_test_sees_what_it_looks_for() -> None:
    assert SAYS_NOTHING.search("sources/utils.py")
    assert not SAYS_NOTHING.search("schemas/commonality.py")
    assert OF_ONE_MACHINE.search("/" + "work/x")
    assert list(undocumented(ast.parse('"""."""\ndef f(): ...\ndef _g(): ...\nclass C: ...'))) == ["f", "C"]
    long = ast.parse("def f():\n" + "    x = 1\n" * (LINES_A_FUNCTION + 1)).body[0]
    assert isinstance(long, ast.FunctionDef)
    assert lines_of_code(long) == LINES_A_FUNCTION + 1
