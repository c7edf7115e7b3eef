"""``trademaster run``: named flows on a bus, until told to stop."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from flows.delivery import Delivery
from schemas.errors import UnknownTopic
from trademaster.bus import open_bus
from trademaster.engine.deliveries import delivery_topics, find_delivery
from trademaster.engine.plan import Plan
from trademaster.engine.recovery import RecoveryFolder
from trademaster.engine.supervisor import Supervisor, stop_on_signals
from trademaster.engine.topology import find_rows, topics_read, topics_written
from trademaster.kernels import ensure_compiled
from trademaster.settings import Settings
from trademaster.settings_text import without_secrets
from trademaster.stores import prepare_store
from trademaster.telemetry.counters import Counters
from trademaster.telemetry.logs import configure_logs
from trademaster.telemetry.report import Report
from trademaster.topic_settings import topic_settings


def run_flows(settings: Settings, names: Sequence[str], *, until_end: bool = False) -> int:
    """Run the flows; returns the exit code when they have drained.

    Args:
        settings: of the program.
        names: of the flows.
        until_end: stop where the topics ended at the start, instead of waiting for more; what the run itself writes and reads is read until
            nothing comes any more.

    Raises:
        UnknownFlow, UnknownTopic, BusUnavailable, StoreError, RecoveryError: it cannot start, and why.
    """
    log = configure_logs(settings.log.model_dump())
    flows = find_rows(names)
    delivery = find_delivery(names)
    ensure_compiled(log.warning)
    read = delivery_topics(delivery, settings) if delivery else topics_read(flows)
    if delivery:
        prepare_store(delivery.row.name, settings)
    identity = _prepare_bus(settings, sorted({*read, *topics_written(flows)}))
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trademaster-run-")))
        recovery = RecoveryFolder(_recovery_dir(settings, delivery)) if settings.engine.recovery else None
        if recovery:
            stack.callback(recovery.close)
            recovery.open([flow.name for flow in flows], settings.bus.url, identity, settings.engine.source_parts)
        counters = Counters.create(folder / "counters", settings.engine.processes)
        plan = Plan(
            flows=list(dict.fromkeys(names)),
            settings=settings.model_dump(mode="json"),
            addresses=[],
            engine_store=str(recovery.engine) if recovery else None,
            state_folder=str(recovery.state) if recovery else None,
            counters=str(counters.path),
            until_end=until_end,
        )
        report = stack.enter_context(Report(counters, settings))
        lock_fd = recovery.lock_fd() if recovery else None
        supervisor = Supervisor(
            plan,
            settings.engine.processes,
            folder,
            log,
            lock_fd=lock_fd,
            before_start=recovery.forget_uncommitted if recovery else lambda: None,
            each_tick=report.tick,
        )
        stop_on_signals(supervisor)
        return supervisor.run()


def _recovery_dir(settings: Settings, delivery: Delivery | None) -> Path:
    """A delivery has a folder of its own in that of the flows beside which it runs."""
    return settings.engine.recovery_dir / "deliveries" / delivery.row.name if delivery else settings.engine.recovery_dir


def _prepare_bus(settings: Settings, topics: Sequence[str]) -> str:
    """The log's identity. Topics missing on the embedded bus are made; on Kafka a person decides how."""
    bus = open_bus(settings.bus.url, patience_s=settings.bus.patience.seconds)
    try:
        if settings.bus.url.startswith("embedded:"):
            bus.create(topic_settings(settings, topics))
        for topic in topics:
            bus.partitions(topic)
        return bus.identity()
    except UnknownTopic as error:
        raise UnknownTopic(str(error), hint=f"trademaster topics create --bus {without_secrets(settings.bus.url)}") from None
    finally:
        bus.close()
