"""``trademaster setup influxdb``: buckets with their retention, and the tasks that thin points out for the long run.

Done again it changes only what is not as the settings say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.domain.task_create_request import TaskCreateRequest
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from schemas.errors import StoreError
from trademaster.duration_settings import Duration
from trademaster.influxdb_settings import InfluxdbSettings
from trademaster.settings_text import without_secrets

TIMEOUT_MS = 10_000
LAST_A_MINUTE = ("market_marks", "portfolio_pnl", "portfolio_accounts", "risk_exposure")
"""Of these measurements history keeps the last value of each minute."""

_LOOK_BACK = "10m"
"""Each minute a task goes over so much again, for what came late; writing a point again changes nothing."""

_LAST = """option task = {{name: "{name}", every: 1m, offset: 10s}}

from(bucket: "{source}")
    |> range(start: -{back})
    |> filter(fn: (r) => r._measurement == "{measurement}")
    |> aggregateWindow(every: 1m, fn: last, createEmpty: false)
    |> to(bucket: "{target}", org: "{org}")
"""
_WHOLE = """option task = {{name: "{name}", every: 1m, offset: 10s}}

from(bucket: "{source}")
    |> range(start: -{back})
    |> filter(
        fn: (r) =>
            r._measurement == "orders_updates" or r._measurement == "risk_alerts" or r._measurement == "signals"
                or
                r._measurement == "market_bars" and r.interval =~ /[mhd]$/,
    )
    |> to(bucket: "{target}", org: "{org}")
"""


def set_up(section: InfluxdbSettings) -> Iterator[str]:
    """Make what is missing and mend what differs; a line for each thing, whether or not it was touched.

    Raises:
        StoreError: the server cannot be reached, or the token may not do it.
    """
    with _connected(section) as client:
        org_id = _organisation(client, section)
        yield _bucket(client, org_id, section.bucket, section.retention)
        if section.history_bucket:
            yield _bucket(client, org_id, section.history_bucket, section.history_retention)
            for name, flux in tasks(section).items():
                yield _task(client, org_id, name, flux)


def tasks(section: InfluxdbSettings) -> dict[str, str]:
    """Flux of each task, by its name."""
    words = {"source": _text(section.bucket), "target": _text(section.history_bucket), "org": _text(section.org), "back": _LOOK_BACK}
    named = {f"{section.history_bucket}: {measurement}": (_LAST, measurement) for measurement in LAST_A_MINUTE}
    named[f"{section.history_bucket}: rare events"] = (_WHOLE, "")
    return {name: form.format(name=_text(name), measurement=measurement, **words) for name, (form, measurement) in named.items()}


def _text(value: str) -> str:
    """Within a text of Flux."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


@contextmanager
def _connected(section: InfluxdbSettings) -> Iterator[InfluxDBClient]:
    where = without_secrets(section.url)
    client = InfluxDBClient(section.url, token=section.token, org=section.org, timeout=TIMEOUT_MS)
    try:
        yield client
    except ApiException as error:
        raise _refusal(error, section, where) from None
    except (HTTPError, OSError) as error:
        raise StoreError(
            f"expected an InfluxDB 2 at {where}, found none that answers: {type(error).__name__}", hint="start it, or set influxdb.url"
        ) from None
    finally:
        client.close()


def _refusal(error: ApiException, section: InfluxdbSettings, where: str) -> StoreError:
    if error.status == 401:
        found = "set influxdb.token to one of an operator, or with access to all" if section.token else "influxdb.token is empty: set it"
        return StoreError(f"expected {where} to know the token, found that it is refused", hint=found)
    if error.status == 403:
        return StoreError(
            f"expected the token to be allowed to make buckets and tasks in {section.org!r}, found that {where} forbids it",
            hint="use a token with access to all of the organisation; the delivery itself needs one that may write the bucket",
        )
    if error.status == 404:
        return StoreError(
            f"expected an InfluxDB 2 at {where}, found a server without its interface", hint="InfluxDB 1.8: CREATE DATABASE trademaster"
        )
    return StoreError(f"expected {where} to do it, found {error.status} {error.reason}: {str(error.body)[:300]}")


def _organisation(client: InfluxDBClient, section: InfluxdbSettings) -> str:
    found: list[Any] = client.organizations_api().find_organizations()
    for organisation in found:
        if organisation.name == section.org:
            return str(organisation.id)
    known = ", ".join(sorted(organisation.name for organisation in found)) or "none that this token may see"
    raise StoreError(f"expected an organisation {section.org!r}, found {known}", hint="set influxdb.org")


def _bucket(client: InfluxDBClient, org_id: str, name: str, kept: Duration | None) -> str:
    seconds, shown = (max(1, round(kept.seconds)) if kept else 0), str(kept) if kept else "for ever"
    buckets: Any = client.buckets_api()
    found = buckets.find_bucket_by_name(name)
    if found is None:
        rules = [BucketRetentionRules(type="expire", every_seconds=seconds)] if seconds else []
        buckets.create_bucket(bucket_name=name, org=org_id, retention_rules=rules)
        return f"bucket {name}: made, keeps points {shown}"
    if (found.retention_rules[0].every_seconds if found.retention_rules else 0) == seconds:
        return f"bucket {name}: is there, keeps points {shown}"
    found.retention_rules = [BucketRetentionRules(type="expire", every_seconds=seconds)]
    buckets.update_bucket(bucket=found)
    return f"bucket {name}: was there, now keeps points {shown}"


def _task(client: InfluxDBClient, org_id: str, name: str, flux: str) -> str:
    interface: Any = client.tasks_api()
    found = [task for task in interface.find_tasks(name=name, limit=500) if task.org_id == org_id]
    if not found:
        interface.create_task(task_create_request=TaskCreateRequest(org_id=org_id, flux=flux, status="active"))
        return f"task {name}: made"
    if found[0].flux == flux:
        return f"task {name}: is there"
    found[0].flux = flux
    interface.update_task(found[0])
    return f"task {name}: was there, has now another query"
