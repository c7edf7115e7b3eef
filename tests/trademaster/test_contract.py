"""The contract as files: deterministic, valid by the rules of JSON Schema and of AsyncAPI."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from schemas.catalog import BARE, EVENTS
from schemas.topics import TOPICS
from tests.servers import cache_folder, must_not_skip
from trademaster.contract.files import texts, write

RULES_OF_ASYNCAPI = "@asyncapi/specs@6.11.1"
RULES_SHA512 = "A3WBLqAKGoJ2+6FWFtpjBlCQ1oFCcs4GxF7zsIGvNqp/klGUHjlA3aAcZ9XMMpLGE8zPeYDz2x9FmO6DSuKraQ=="


def rules_of_asyncapi() -> dict[str, Any]:
    """The official JSON Schema of AsyncAPI 3.0, from its npm package, checked by its hash."""
    archive = cache_folder() / "asyncapi-specs-6.11.1.tgz"
    if not archive.is_file():
        _fetch(archive)
    content = archive.read_bytes()
    assert base64.b64encode(hashlib.sha512(content).digest()).decode() == RULES_SHA512, f"{archive} is not {RULES_OF_ASYNCAPI}; delete it"
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        file = tar.extractfile("package/schemas/3.0.0.json")
        assert file is not None
        rules: dict[str, Any] = json.load(file)
    return rules


def _fetch(archive: Path) -> None:
    if shutil.which("npm") is None:
        _left_out("npm is not here")
    archive.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["npm", "pack", "--silent", RULES_OF_ASYNCAPI], cwd=archive.parent, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode or not archive.is_file():
        _left_out(f"npm cannot get {RULES_OF_ASYNCAPI}: {done.stderr.strip()[-300:]}")


def _left_out(why: str) -> None:
    if must_not_skip():
        pytest.fail(f"CI must not leave tests out. {why}")
    pytest.skip(f"the AsyncAPI document was not validated: {why}")


def document() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(texts()["asyncapi.json"])
    return parsed


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in write(tmp_path / "a" / "b")}
    assert first == {path.name: path.read_bytes() for path in write(tmp_path / "a" / "b")}
    assert {"asyncapi.json", "Bar.schema.json", "Envelope.schema.json"} <= set(first)


@pytest.mark.parametrize("name", [name for name in texts() if name != "asyncapi.json"])
def test_a_schema_is_one_by_its_own_dialect(name: str) -> None:
    schema = json.loads(texts()[name])
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    _resolves(schema, schema)


def test_the_asyncapi_document_is_one_by_the_official_rules() -> None:
    rules = jsonschema.Draft7Validator(rules_of_asyncapi())
    wrong = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in rules.iter_errors(document())]
    assert not wrong
    broken = document()
    broken["channels"]["market.bars"]["address"] = 3
    assert not rules.is_valid(broken), "rules that take anything prove nothing"


def test_every_reference_leads_somewhere() -> None:
    _resolves(document(), document())


def _resolves(node: Any, root: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _resolves(item, root)
    if not isinstance(node, dict):
        return
    target = node.get("$ref")
    if target is not None:
        found = root
        for part in target.removeprefix("#/").split("/"):
            assert part in found, f"{target} leads nowhere"
            found = found[part]
    for value in node.values():
        _resolves(value, root)


def test_every_topic_is_a_channel_and_every_event_a_message_of_it() -> None:
    channels = document()["channels"]
    assert set(channels) == set(TOPICS)
    for name, channel in channels.items():
        expected = {BARE[name].__name__} if name in BARE else {row.name for row in EVENTS if row.topic == name}
        assert set(channel["messages"]) == expected
        policy = channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"]
        assert policy == (["compact"] if TOPICS[name].compacted else ["delete"])
