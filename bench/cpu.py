"""CPU time of processes, read from /proc: user and system time of every thread, in seconds."""

import os
from collections.abc import Iterable
from pathlib import Path

TICK: int = os.sysconf("SC_CLK_TCK")


def of(pids: Iterable[int]) -> dict[int, float]:
    """What each process has used so far; those that are gone are left out."""
    return {pid: used for pid in pids if (used := _used(pid)) is not None}


def _used(pid: int) -> float | None:
    total = 0
    try:
        # schedstat counts nanoseconds where stat counts ticks of 10 ms.
        for task in (Path("/proc") / str(pid) / "task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        return None
    return total / 1e9


def between(before: dict[int, float], after: dict[int, float]) -> float:
    """What was used between two readings; a process that came in between counts from its start."""
    return sum(used - before.get(pid, 0.0) for pid, used in after.items())


def of_ended_children(pid: int) -> float:
    """What the children of a process that have ended used in all."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / TICK


def parent(pid: int) -> int:
    """The process that started this one."""
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


def descendants(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for one in found:
        children = Path("/proc") / str(one) / "task" / str(one) / "children"
        found += [int(child) for child in children.read_text().split()]
    return found


def resident(pid: int) -> int:
    """Bytes of memory the process holds."""
    pages = int((Path("/proc") / str(pid) / "statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
