"""Both databases of the records, for one suite."""

from __future__ import annotations

from pathlib import Path

import pytest

KINDS = ("sqlite", "postgresql")


@pytest.fixture(params=KINDS)
def records_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    return str(request.getfixturevalue("postgres").new_database())


@pytest.fixture(params=KINDS, scope="module")
def shared_records_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database that the tests of a module share."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('records') / 'records.db'}"
    return str(request.getfixturevalue("postgres").new_database())
