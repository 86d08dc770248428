"""What is measured: each metric with its unit. Apps register more of them in `ready`.

metric            of what                 measured                        every
cpu               switches, SoftGates     percent of all processors       30 s, by Netris' collector
conntrack         SoftGates               NAT sessions                    30 s, by the collector
conntrack-used    SoftGates               percent of what it can hold     30 s, by the collector
rx, tx            ports of the fabric     bits per second                 30 s, by the collector
errors            ports of the fabric     errors per second, both ways    30 s, by the collector
memory, disk      every device            percent                         by its checks, as often as these are read
load              every device            processes, of one minute        by its checks
"""

from __future__ import annotations

from dataclasses import dataclass

#: Longest key of a metric.
KEY = 32


@dataclass(frozen=True)
class Metric:
    """`ceiling` is the most that it can be, for the scale of charts."""

    key: str
    label: str
    unit: str
    ceiling: float | None = None


CPU = Metric("cpu", "CPU", "%", 100)
MEMORY = Metric("memory", "Memory", "%", 100)
DISK = Metric("disk", "Disk", "%", 100)
LOAD = Metric("load", "Load", "")
CONNTRACK = Metric("conntrack", "NAT sessions", "")
CONNTRACK_USED = Metric("conntrack-used", "NAT table in use", "%", 100)
RX = Metric("rx", "Received", "bit/s")
TX = Metric("tx", "Sent", "bit/s")
ERRORS = Metric("errors", "Errors", "/s")

_metrics: dict[str, Metric] = {}


def register(*metrics: Metric) -> None:
    for metric in metrics:
        if not metric.key or len(metric.key) > KEY:
            raise ValueError(f"the key of a metric has 1 to {KEY} characters: {metric.key}")
        _metrics[metric.key] = metric


register(CPU, LOAD, MEMORY, DISK, CONNTRACK, CONNTRACK_USED, RX, TX, ERRORS)


def metrics() -> list[Metric]:
    return [*_metrics.values()]


def metric_of(key: str) -> Metric:
    """One that no app registers any more is told by its key."""
    return _metrics.get(key) or Metric(key, key.replace("-", " ").capitalize(), "")


def place_of(key: str) -> int:
    """In the order in which they were registered."""
    return list(_metrics).index(key) if key in _metrics else len(_metrics)
