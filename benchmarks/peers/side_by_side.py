"""Ours and its peers, one after another over the same topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchmarks.answers import Output, check_bars, decode_peer_bars
from benchmarks.market_run import run_market, throughput
from benchmarks.measuring import run_metered
from benchmarks.options import Options
from benchmarks.peers.installed import PEERS, Peer
from benchmarks.places import Place, create_output, kafka_place
from benchmarks.progress import note
from benchmarks.rows import Row
from benchmarks.ticks import TOPIC, Ticks
from tests.servers import ServerMissing

EVENTS = 5_000_000


def compare(options: Options) -> Iterator[Row]:
    """Ours, then each peer with its ratios to ours. The slow ones take fewer of the same ticks: their steady figures are as good."""
    ours: dict[str, float] = {}
    for share in sorted({1, *(peer.share for peer in PEERS)}):
        ticks = Ticks(max(options.count(EVENTS) // share, 4000))
        with kafka_place(ticks, band=True) as place:
            if not ours:
                ours = run_market(place, ticks, processes=2)
                yield Row(f"ours, 2 processes, {ticks.events:,} ticks", {**_ratios(ours, ours), **ours})
            for peer in PEERS:
                if peer.share != share:
                    continue
                try:
                    theirs = run_peer(peer, place, ticks)
                except ServerMissing as error:
                    note(f"left out {error}")
                    continue
                ratios = _ratios(theirs, ours)
                yield Row(
                    f"{peer.name}, {ticks.events:,} ticks",
                    {**ratios, **theirs},
                    at_least={} if options.quick else dict.fromkeys(ratios, 1.0),
                )


def _ratios(theirs: Mapping[str, float], ours: Mapping[str, float]) -> dict[str, float]:
    """How many times our CPU an event it takes, and how many times longer."""
    return {
        "times_our_cpu": theirs["cpu_us_event"] / ours["cpu_us_event"] if ours["cpu_us_event"] else float("nan"),
        "times_our_time": ours["events_per_s"] / theirs["events_per_s"],
    }


def run_peer(peer: Peer, place: Place, ticks: Ticks) -> dict[str, float]:
    """Install it if need be, run it over the topic, check its bars, say what it took."""
    commands = peer.commands(place.bootstrap, TOPIC, f"peers.{peer.topic}", ticks.events)
    note(f"{peer.name}, {ticks.name}")
    create_output(place.bootstrap, f"peers.{peer.topic}")
    output = Output(place.url, f"peers.{peer.topic}")
    ran = run_metered(commands, broker=place.broker, patience_s=100.0)
    check_bars(ticks, decode_peer_bars(output.read()), ["1s"])
    return throughput(ticks, ran, output.span(), before_first=ticks.before_first_bar)
