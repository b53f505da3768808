"""The table: ratios beside their goals, then the figures they come from. One text for both."""

import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from bench.measuring import Sample
from bench.questions import QUESTIONS
from bench.rounds import MANY, Results


@dataclass(frozen=True)
class Goal:
    """A ratio of CPU a request and the bound it must keep, by question."""

    left: str
    right: str
    at_least: bool
    bounds: dict[str, float]

    @property
    def title(self) -> str:
        """What is divided by what."""
        return f"{TITLES[self.left]} ÷ {TITLES[self.right]}"


TITLES = {
    "nexus": "nexus",
    "strawberry": "cached Strawberry",
    "postgraphile": "PostGraphile",
    "bare": "bare ASGI",
    "pgbench": "pgbench",
}
GOALS = (
    Goal("strawberry", "nexus", True, {"Q1": 20, "Q2": 15, "Q3": 8, "M1": 5}),
    Goal("postgraphile", "nexus", True, {"Q1": 2.5, "Q2": 2, "Q3": 1.6, "M1": 1.3}),
    Goal("nexus", "bare", False, {"Q1": 1.2, "Q2": 1.15, "Q3": 1.15, "M1": 1.3}),
    Goal("nexus", "pgbench", False, {"Q1": 2.5, "Q2": 1.25, "Q3": 1.3, "M1": 2.5}),
)
POLICY_GOAL = 1.15
NOTES = """
How to read it: docs/howto/bench.md. CPU is user and system time of the server processes and their
PostgreSQL backends, load generator excluded; a ratio is the median of the rounds' ratios. Reads are
a coordinator's of the province, pledges an API client's of a charity. Nexus runs as shipped, with
tokens, policies and limits; the others run the same row policies and nothing else: PostGraphile and
Strawberry without sign-in, PostGraphile's policies with the caller's values as constants in the
SQL, without its field policy on the station. "Matches" are pledges with their allocations; there
are no tables of tasks and visits yet, so there are no such rows. FraiseQL 2 is not here: its
package only declares schemas, and the engine that serves them is not published as a package.
"""


def write(results: Results, about: dict[str, str]) -> str:
    """The whole text, in Markdown."""
    parts = ["# Benchmark", "", _about(about), "## CPU a request, as ratios", "", ratios(results)]
    parts += ["## CPU a request, in milliseconds (server + database)", ""]
    parts += [_figures(results, lambda s: f"{s.server * 1e3:.3f} + {s.database * 1e3:.3f}")]
    for connections, samples in ((4, results.samples), (MANY, results.crowded)):
        if samples:
            parts += [f"## Requests/s, p50 and p99 in ms at {connections} connections", ""]
            parts += [_latencies(results, connections)]
    parts += ["## Beside", "", _beside(results), NOTES.strip(), ""]
    return "\n".join(parts)


def misses_of(results: Results) -> list[str]:
    """What of the goals is not reached."""
    return [line for line in ratios(results).splitlines() if "miss" in line]


def _about(about: dict[str, str]) -> str:
    told = {"made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", "machine": platform.machine()}
    return "".join(f"- {name}: {value}\n" for name, value in (told | about).items())


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def ratios(results: Results) -> str:
    """The first table: the ratios, each with its goal."""
    lines = [_row(["", *(goal.title for goal in GOALS)]), _row(["---"] * (len(GOALS) + 1))]
    for question in _asked(results):
        cells = [question]
        for goal in GOALS:
            ratio = results.ratio(question, goal.left, goal.right)
            cells.append("—" if ratio is None else _judged(ratio, goal, question))
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _judged(ratio: float, goal: Goal, question: str) -> str:
    bound = goal.bounds.get(question)
    if bound is None:
        return f"{ratio:.2f}"
    kept = ratio >= bound if goal.at_least else ratio <= bound
    sign = "≥" if goal.at_least else "≤"
    return f"{ratio:.2f} ({sign} {bound:g}) {'PASS' if kept else '**miss**'}"


def _systems(results: Results) -> list[str]:
    return [name for name in TITLES if any(key[0] == name for key in results.samples)]


def _asked(results: Results) -> list[str]:
    return [name for name in QUESTIONS if any(key[1] == name for key in results.samples)]


def _figures(results: Results, show: Callable[[Sample], str]) -> str:
    systems = _systems(results)
    lines = [_row(["", *(TITLES[s] for s in systems)]), _row(["---"] * (len(systems) + 1))]
    for question in _asked(results):
        typical = (_typical(results.samples[system, question]) for system in systems)
        lines.append(_row([question, *(show(sample) for sample in typical)]))
    return "\n".join(lines) + "\n"


def _typical(samples: list[Sample]) -> Sample:
    """The median of each figure."""
    names = ("server", "database", "rate", "p50", "p99", "size")
    return Sample(*(median(getattr(sample, name) for sample in samples) for name in names))


def _latencies(results: Results, connections: int) -> str:
    samples = results.samples if connections == 4 else results.crowded
    systems = [system for system in _systems(results) if system != "pgbench"]
    head = ["", "answer", *(TITLES[system] for system in systems)]
    lines = [_row(head), _row(["---"] * len(head))]
    for question in _asked(results):
        typical = [_typical(samples[system, question]) for system in systems]
        shown = [f"{s.rate:,.0f}/s {s.p50 * 1e3:.1f} {s.p99 * 1e3:.1f}" for s in typical]
        lines.append(_row([question, f"{typical[0].size / 1000:.1f} kB", *shown]))
    return "\n".join(lines) + "\n"


def _beside(results: Results) -> str:
    lines = []
    if results.policies:
        cost = results.policy_ratio("Q2", "coordinator")
        kept = "PASS" if cost <= POLICY_GOAL else "**miss**"
        lines.append(
            f"- Row policy: Q2 costs a coordinator {cost:.2f} of what the same page costs the "
            f"administrator (≤ {POLICY_GOAL}) {kept}; a page of 50 needs without relations costs "
            f"a charity {results.policy_ratio('QP', 'charity'):.2f}."
        )
    for name, sample in results.misses.items():
        lines.append(
            f"- Q1 as a document never seen before: {TITLES[name]} "
            f"{sample.server * 1e3:.2f} + {sample.database * 1e3:.2f} ms"
        )
    if results.memory:
        first, last = results.memory[len(results.memory) // 4], results.memory[-1]
        lines.append(
            f"- Memory of nexus under mixed load, a tenth of it new documents: {first / 2**20:.0f} "
            f"MiB after a quarter of the run, {last / 2**20:.0f} MiB at its end."
        )
    return "\n".join(lines) + "\n"
