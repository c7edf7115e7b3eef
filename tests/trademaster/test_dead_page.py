"""``docs/dead-letters.md``: its commands say what stands beneath them, and its table has every reason."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from schemas.dead_letters import Reason

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dead-letters.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sh\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
SHELL = 'set -e\ntrademaster() { "$PYTHON" -m trademaster "$@"; }\n'


def test_commands_say_what_stands_beneath_them(tmp_path: Path) -> None:
    """One after another in one folder, as a reader would."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    for commands, said in EXAMPLES:
        run = subprocess.run(
            ["sh", "-c", SHELL + commands], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment, timeout=240
        )
        assert run.returncode == 0, run.stderr
        assert re.sub(r"(decision +\w+ )[0-9-]+T[0-9:.]+Z", r"\1TIME", run.stdout) == said
    assert len(EXAMPLES) == PAGE.count("```sh") == 3


def test_the_table_has_every_reason() -> None:
    table = PAGE.split("| reason |")[1].split("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", table)) == {str(reason) for reason in Reason}
