"""The contract as files."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.errors import UsageError
from trademaster.contract import asyncapi, json_schema


def texts() -> dict[str, str]:
    """Text of each file, by its name in the folder."""
    documents = {f"{name}.schema.json": document for name, document in json_schema.documents().items()}
    documents["asyncapi.json"] = asyncapi.document()
    return {name: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in documents.items()}


def write(folder: Path) -> list[Path]:
    """Write all files; their paths.

    Raises:
        UsageError: the folder cannot be written to.
    """
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts().items():
            path = folder / name
            path.write_text(text, encoding="utf-8")
            paths.append(path)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written to: {error.strerror}", hint="choose another folder with --out") from None
    return paths
