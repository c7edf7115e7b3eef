"""What a run says of itself: counters that processes share, metrics, logs, the line of progress."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from schemas.errors import UsageError
from schemas.times import END_OF_TIME_NS
from trademaster.settings_sources import load_settings
from trademaster.telemetry.counters import Counter, Counters
from trademaster.telemetry.logs import CLEAR_LINE, configure_logs
from trademaster.telemetry.metrics import Metrics, Page
from trademaster.telemetry.progress import Progress, line, short
from trademaster.telemetry.recorder import Recorder
from trademaster.telemetry.report import Report

ROOT = Path(__file__).resolve().parents[2]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


WORK = st.lists(
    st.one_of(
        st.tuples(st.just("batch"), st.sampled_from(["a", "b"]), st.integers(1, 9), st.integers(0, 99)),
        st.tuples(st.just("written"), st.sampled_from(["a", "b"]), st.integers(0, 99)),
        st.tuples(st.just("late"), st.just("a"), st.integers(1, 5)),
        st.tuples(st.just("dead"), st.just("a"), st.sampled_from(["late", "number"]), st.integers(1, 5)),
        st.tuples(st.just("lag"), st.sampled_from(["a", "b"]), st.dictionaries(st.integers(0, 2), st.integers(0, 99))),
        st.tuples(st.just("epoch"), st.floats(0, 1)),
    )
)


@given(st.lists(WORK, min_size=1, max_size=3))
def test_totals_are_the_sum_of_what_each_process_did(
    tmp_path_factory: pytest.TempPathFactory, work: list[list[tuple[object, ...]]]
) -> None:
    counters = Counters.create(tmp_path_factory.mktemp("counters") / "c", len(work))
    lags: dict[object, int] = {}
    for process, calls in enumerate(work):
        recorder = Recorder(None, Counters.open(counters.path).row(process))
        for name, *arguments in calls:
            getattr(recorder, str(name))(*arguments)
            if name == "lag":
                lags.update({(process, arguments[0], part): count for part, count in arguments[1].items()})  # type: ignore[attr-defined]
    done = [call for calls in work for call in calls]
    totals = counters.totals()
    assert totals.events_in == sum(call[3] for call in done if call[0] == "batch")  # type: ignore[misc]
    assert totals.events_out == sum(call[2] for call in done if call[0] == "written")  # type: ignore[misc]
    assert totals.late == sum(call[2] for call in done if call[0] == "late")  # type: ignore[misc]
    assert totals.dead_letters == sum(call[3] for call in done if call[0] == "dead")  # type: ignore[misc]
    assert totals.lag == sum(lags.values())
    assert totals.epochs == max(sum(call[0] == "epoch" for call in calls) for calls in work)


def test_the_watermark_of_a_run_is_the_least_and_an_ended_file_has_none(tmp_path: Path) -> None:
    counters = Counters.create(tmp_path / "c", 3)
    first, second = (Recorder(None, counters.row(process)) for process in (0, 1))
    first.watermark("a", {0: 300, 1: 200})
    second.watermark("a", {2: 250})
    assert counters.totals().watermark_ns == 200
    first.watermark("a", {1: END_OF_TIME_NS})
    assert counters.totals().watermark_ns == 250


def test_a_process_that_starts_again_goes_on_counting(tmp_path: Path) -> None:
    counters = Counters.create(tmp_path / "c", 1)
    for _ in range(2):
        recorder = Recorder.attach(counters.path, 0)
        recorder.batch("a", 1, 5)
        recorder.lag("a", {0: 7})
    assert (counters.totals().events_in, counters.totals().lag) == (10, 7)


def test_counters_of_another_version_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(np.zeros(2 * len(Counter), np.int64).tobytes())
    with pytest.raises(ValueError, match="expected a file of counters"):
        Counters.open(tmp_path / "c")


def test_metrics_have_the_names_that_are_documented() -> None:
    metrics = Metrics()
    recorder = Recorder(metrics, clock_ns=lambda: 3_000_000_000)
    recorder.batch("market.ticks", 10, 200)
    recorder.written("market.bars", 3)
    recorder.processed("market.ticks", 0.004)
    recorder.late("market.ticks", 2)
    recorder.dead("market.ticks", "number", 4)
    recorder.lag("market.ticks", {0: 12})
    recorder.watermark("market.ticks", {0: 1_000_000_000})
    recorder.snapshot("market.shards", 1000, 0.001)
    recorder.epoch(0.02)
    page = generate_latest(metrics.registry).decode()
    for sample in (
        'trademaster_events_in_total{topic="market.ticks"} 200.0',
        'trademaster_events_out_total{topic="market.bars"} 3.0',
        'trademaster_batch_records_sum{topic="market.ticks"} 10.0',
        'trademaster_processing_seconds_count{topic="market.ticks"} 1.0',
        'trademaster_consumer_lag{partition="0",topic="market.ticks"} 12.0',
        'trademaster_watermark_seconds{partition="0",topic="market.ticks"} 1.0',
        'trademaster_late_total{topic="market.ticks"} 2.0',
        'trademaster_dead_letters_total{reason="number",topic="market.ticks"} 4.0',
        'trademaster_snapshot_bytes{step="market.shards"} 1000.0',
        'trademaster_snapshot_seconds_count{step="market.shards"} 1.0',
        "trademaster_epoch_stall_seconds_count 1.0",
    ):
        assert sample in page


WORKER = """
import sys
from pathlib import Path
from trademaster.telemetry.recorder import Recorder
recorder = Recorder.attach(Path(sys.argv[1]), int(sys.argv[2]))
recorder.batch("market.ticks", 1, 10)
recorder.lag("market.ticks", {int(sys.argv[2]): 5})
recorder.watermark("market.ticks", {int(sys.argv[2]): 10**18})
print("counted", flush=True)
sys.stdin.read()
"""


def test_one_page_shows_all_processes_and_forgets_the_gauges_of_the_dead(tmp_path: Path) -> None:
    port = free_port()
    counters = Counters.create(tmp_path / "c", 2)
    with ExitStack() as stack:
        report = stack.enter_context(Report(counters, load_settings(environment={}, sets=[f"engine.metrics_port={port}"])))
        workers = [worker(counters.path, process, stack) for process in (0, 1)]
        page = scrape(report.port)
        assert 'trademaster_events_in_total{topic="market.ticks"} 20.0' in page
        assert all(f'trademaster_consumer_lag{{partition="{part}",topic="market.ticks"}} 5.0' in page for part in (0, 1))
        delays = [scraped(scrape(report.port), 'trademaster_watermark_delay_seconds{partition="1",topic="market.ticks"}') for _ in range(2)]
        assert 0 < delays[0] < delays[1], "the delay grows while nothing comes"
        workers[0].kill()
        workers[0].communicate()
        page = scrape(report.port)
        assert 'trademaster_events_in_total{topic="market.ticks"} 20.0' in page, "what the dead have counted stays"
        assert 'trademaster_consumer_lag{partition="0"' not in page
        assert 'trademaster_consumer_lag{partition="1"' in page
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ
    assert counters.totals().events_in == 20


def worker(counters: Path, process: int, stack: ExitStack) -> subprocess.Popen[str]:
    """A process that has counted; it ends with the stack."""
    started = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(counters), str(process)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    stack.callback(started.communicate)
    stack.callback(started.kill)
    assert started.stdout is not None
    assert started.stdout.readline() == "counted\n"
    return started


def scrape(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def scraped(page: str, sample: str) -> float:
    return next(float(text.removeprefix(sample)) for text in page.splitlines() if text.startswith(sample))


def free_port() -> int:
    page = Page(Metrics().registry, 0, "127.0.0.1")
    page.close()
    return page.port


def test_a_port_that_is_taken_is_said_with_what_to_do() -> None:
    page = Page(Metrics().registry, 0)
    try:
        with pytest.raises(UsageError, match=str(page.port)) as caught:
            Page(Metrics().registry, page.port)
        assert "--metrics-port" in caught.value.hint
    finally:
        page.close()


def test_logs_are_json_unless_a_person_looks() -> None:
    out = io.StringIO()
    log = configure_logs({"level": "info", "format": "auto"}, stream=out)
    log.bind(process=1).info("worker started", flows=["market"])
    log.debug("not shown")
    try:
        raise ValueError("of a test")
    except ValueError:
        log.exception("worker failed")
    first, second = map(json.loads, out.getvalue().splitlines())
    assert (first["event"], first["process"], first["flows"], first["level"]) == ("worker started", 1, ["market"], "info")
    assert second["exception"][0]["exc_value"] == "of a test"


def test_text_logs_are_one_line_and_take_the_progress_line_away() -> None:
    out = Terminal()
    configure_logs({"level": "info", "format": "auto"}, stream=out).warning("workers restart", code=1)
    assert out.getvalue().startswith(CLEAR_LINE)
    assert out.getvalue().rstrip().endswith("workers restart  code=1")


def test_progress_shows_rate_and_totals_when_due(tmp_path: Path) -> None:
    counters = Counters.create(tmp_path / "c", 1)
    now_s, out = [0.0], Terminal()
    progress = Progress(counters.totals, stream=out, clock_s=lambda: now_s[0])
    recorder = Recorder(None, counters.row(0))
    recorder.batch("a", 1, 50_000)
    progress.tick()
    assert out.getvalue() == "", "not due yet"
    now_s[0] = 0.5
    progress.tick()
    assert "100k/s  in 50k  out 0  lag 0  watermark -" in out.getvalue()
    now_s[0] = 5.0
    progress.close()
    assert "10k/s" in out.getvalue().rpartition(CLEAR_LINE)[2]


@pytest.mark.parametrize(("shown", "stream", "writes"), [("auto", io.StringIO, False), ("on", io.StringIO, True), ("off", Terminal, False)])
def test_progress_is_shown_as_it_was_set(tmp_path: Path, shown: str, stream: type[io.StringIO], writes: bool) -> None:
    out = stream()
    Progress(Counters.create(tmp_path / "c", 1).totals, shown, stream=out).close()
    assert bool(out.getvalue()) == writes


@given(st.integers(0, 10**13))
def test_short_numbers_are_short_and_near(number: int) -> None:
    text = short(number)
    assert len(text) <= 6
    scale = {"k": 1e3, "M": 1e6, "G": 1e9}.get(text[-1], 1)
    assert abs(float(text.rstrip("kMG")) * scale - number) <= max(0.006 * number, 0.5)


def test_a_line_of_a_run_that_began_now_has_no_rate(tmp_path: Path) -> None:
    totals = Counters.create(tmp_path / "c", 1).totals()
    assert line(totals, totals, 0.0).startswith("0/s")
