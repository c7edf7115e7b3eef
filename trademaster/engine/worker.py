"""One worker process of a run: opens the bus, builds the dataflow, runs it until it is told to drain.

Started by the supervisor as ``python -m trademaster.engine.worker PLAN INDEX``. Its standard input is a pipe whose other end the
supervisor holds: when that closes, the supervisor is dead and so is this.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from schemas.errors import RecoveryError, StoreError, StoreInterrupted, TradeMasterError, UsageError
from trademaster.engine.plan import Plan

EXIT_USAGE, EXIT_RECOVERY, EXIT_CLOCK = 2, 3, 75
"""Exit codes that say more than failure: do not restart (the first two), restart at once (the clock was set back)."""

CLOCK_BACK_S = 5.0
_SWITCH_S = 0.0005


def main(plan_path: str, index: str) -> int:
    """Run one worker; its exit code."""
    from trademaster.telemetry.logs import configure_logs

    plan, process = Plan.read(Path(plan_path)), int(index)
    log = configure_logs(plan.settings["log"]).bind(process=process)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    threading.Thread(target=_die_with_parent, daemon=True).start()
    clock_back = threading.Event()
    threading.Thread(target=watch_clock, args=(stopping, clock_back, log), daemon=True).start()
    try:
        _run(plan, process, stopping, log)
    except TradeMasterError as error:
        return _report(error, log)
    if not (stopping.is_set() or plan.until_end):
        log.error("worker ended", error="the engine stopped by itself")
        return 1
    return EXIT_CLOCK if clock_back.is_set() else 0


def _report(error: TradeMasterError, log: Any) -> int:
    """Say it; the exit code."""
    if isinstance(error, StoreInterrupted):
        log.warning("worker stopped", reason=str(error))
        return 0
    log.error("worker failed", error=str(error), hint=error.hint)
    return EXIT_USAGE if isinstance(error, UsageError | StoreError) else EXIT_RECOVERY if isinstance(error, RecoveryError) else 1


def _run(plan: Plan, process: int, stopping: threading.Event, log: Any) -> None:
    from bytewax.recovery import RecoveryConfig
    from bytewax.run import cli_main

    from schemas.shared_rows import Lanes, use_lanes
    from trademaster.engine.assembly import assemble
    from trademaster.engine.runtime import Failing

    use_lanes(Lanes(plan.lanes, process) if plan.lanes else None)
    # The engine would show its own panic, and in a cluster lose the error. What is stored bears an end at any moment.
    worker = assemble(plan, process, stopping, Failing(lambda error: os._exit(_report(error, log))))
    _wait_for(plan.addresses[:process], stopping)
    gc.collect()
    gc.freeze()
    # The hot path makes arrays and lists of bytes, no cycles; walking every batch would double its cost.
    gc.set_threshold(200_000, 50, 1000)
    # Else who works beside the engine, as the upkeep of the embedded bus does, may keep it waiting for 5 ms each time.
    sys.setswitchinterval(_SWITCH_S)
    log.info("worker started", flows=plan.flows, workers=max(1, len(plan.addresses)))
    try:
        cli_main(
            worker.dataflow,
            workers_per_process=1,
            process_id=process if plan.addresses else None,
            addresses=plan.addresses or None,
            epoch_interval=timedelta(microseconds=worker.epoch_interval_ns // 1000),
            recovery_config=RecoveryConfig(plan.engine_store) if plan.engine_store else None,
        )
    except RuntimeError as error:
        raise _house_error(error) or error from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # which the engine does not export
            raise
        raise TradeMasterError("the engine gave up, as it does when another worker dies", hint="see what that one said") from None
    finally:
        worker.close()
    log.info("worker drained")


def _wait_for(addresses: Sequence[str], stopping: threading.Event, patience_s: float = 30.0) -> None:
    """Wait until the workers before this one listen: the engine tries again by itself, but each time complains on stderr.

    Asked by binding, for a connection would be taken for a worker's. Linux lets the worker have the port meanwhile, others may not.
    """
    deadline = time.monotonic() + patience_s
    for address in addresses if sys.platform == "linux" else ():
        host, _, port = address.rpartition(":")
        while not _is_listened_at(host, int(port)) and time.monotonic() < deadline and not stopping.wait(0.005):
            pass


def _is_listened_at(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _house_error(error: BaseException | None) -> TradeMasterError | None:
    """The engine wraps what a source or sink raised, several times over."""
    while error is not None:
        if isinstance(error, TradeMasterError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _die_with_parent() -> None:
    while os.read(0, 1):
        pass
    os._exit(1)


def watch_clock(
    stopping: threading.Event,
    clock_back: threading.Event,
    log: Any,
    *,
    wall_s: Callable[[], float] = time.time,
    monotonic_s: Callable[[], float] = time.monotonic,
    every_s: float = 1.0,
) -> None:
    """Drain when the wall clock was set back: the engine closes epochs by it, and by an hour it would not close one for an hour."""
    ahead = wall_s() - monotonic_s()
    while not stopping.wait(every_s):
        now = wall_s() - monotonic_s()
        if now < ahead - CLOCK_BACK_S:
            log.warning("the clock was set back", seconds=round(ahead - now, 1))
            clock_back.set()
            stopping.set()
        ahead = now


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
