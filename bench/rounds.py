"""The rounds: every system and question once a round, in an order that chance decides."""

import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

from rich.progress import Progress

from bench import cpu
from bench.limit.pgbench import CLIENTS, WARM, Script
from bench.measuring import Load, Sample
from bench.questions import M1, POLICY, Q2, QUESTIONS, Drawing, Question, Values
from bench.systems import System

SLOWER = {"strawberry": 0.1, "postgraphile": 0.5}
"""How many requests of a round a system gets, against nexus: enough CPU to be read, no more."""
FEWEST = 24
MANY = 32
"""Connections of the second look at latencies."""
PGBENCH = {"Q1": 8, "Q4": 8}
"""How many times as many transactions pgbench runs of the smallest, for it is read in ticks."""
LEAST_ROUNDS = 3

Key = tuple[str, str]
"""A system and a question."""


@dataclass
class Results:
    """What was measured, by system and question, one entry a round."""

    samples: dict[Key, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    crowded: dict[Key, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    policies: dict[Key, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    misses: dict[str, Sample] = field(default_factory=dict)
    rounds: int = 0
    memory: list[int] = field(default_factory=list)
    """Bytes that the server of nexus holds, batch by batch."""

    def ratio(self, question: str, left: str, right: str) -> float | None:
        """The median of the rounds' ratios of CPU a request."""
        known = self.samples
        pairs = zip(known.get((left, question), ()), known.get((right, question), ()), strict=False)
        # Below a microsecond nothing was measured: a short run of pgbench falls between two ticks.
        ratios = [one.cpu / other.cpu for one, other in pairs if other.cpu > 1e-6]
        return median(ratios) if ratios else None

    def policy_ratio(self, question: str, caller: str) -> float:
        """The same of a caller against the administrator, whose policy is that all is seen."""
        pairs = zip(self.policies[caller, question], self.policies["admin", question], strict=True)
        return median(one.cpu / other.cpu for one, other in pairs)


@dataclass
class Running:
    """Measures everything that `python -m bench` tells."""

    load: Load
    systems: dict[str, System]
    scripts: dict[str, Script]
    drawing: Drawing
    share: float
    """Of the usual number of requests."""
    questions: list[Question] = field(default_factory=lambda: list(QUESTIONS.values()))
    deadline: float = float("inf")
    """On the monotonic clock: no round begins after it, once there are enough."""

    def count(self, system: str, question: Question) -> int:
        """How many requests of a round."""
        if system == "pgbench":
            # What its start costs is taken off: the rest must be much more than that.
            return round(question.requests * PGBENCH.get(question.name, 2))
        return max(FEWEST, round(question.requests * self.share * SLOWER.get(system, 1.0)))

    async def rounds(self, rounds: int, results: Results, progress: Progress) -> None:
        """Every pair of system and question in every round, shuffled."""
        names = [*self.systems, *(["pgbench"] if self.scripts else [])]
        pairs = [(name, question) for name in names for question in self.questions]
        task = progress.add_task("Rounds", total=rounds * len(pairs))
        for done in range(rounds):
            if done >= LEAST_ROUNDS and time.monotonic() > self.deadline:
                break
            results.rounds = done + 1
            random.shuffle(pairs)
            for name, question in pairs:
                progress.update(task, description=f"{question.name} {name}")
                sample = await self._one(name, question)
                results.samples[name, question.name].append(sample)
                progress.advance(task)

    async def _one(self, name: str, question: Question) -> Sample:
        count = self.count(name, question)
        if name == "pgbench":
            return self._pgbench(question, count)
        return await self.measure(name, question, count)

    def _pgbench(self, question: Question, count: int) -> Sample:
        first = self.drawing.pledged
        if question is M1:
            self.drawing.skip(count + 3 * CLIENTS * WARM)
        used = self.scripts[question.name].cpu(count, first)
        return Sample(0.0, used, 0.0, 0.0, 0.0, 0)

    async def measure(
        self,
        name: str,
        question: Question,
        count: int,
        *,
        connections: int = 4,
        caller: str = "",
        draw: Callable[[], Values] | None = None,
    ) -> Sample:
        """One run of a system, after a warm-up of a tenth."""
        system = self.systems[name]

        def bodies(many: int) -> list[bytes]:
            values = [draw() if draw else question.draw(self.drawing) for _ in range(many)]
            return [system.body(question, one) for one in values]

        return await self.load.run(
            system,
            caller or question.caller,
            bodies(count),
            warm=bodies(max(2 * connections, count // 10)),
            connections=connections,
        )

    async def warm_up(self, progress: Progress) -> None:
        """Bring plans, prepared statements and compiled code to where they stay."""
        task = progress.add_task("Warming up", total=len(self.systems) * len(self.questions))
        for name in self.systems:
            for question in self.questions:
                many = 300 if question.requests >= 300 else 60
                await self.measure(name, question, max(FEWEST, round(many * self.share)))
                progress.advance(task)

    async def crowd(self, rounds: int, results: Results, progress: Progress) -> None:
        """Latencies with many connections."""
        pairs = [(name, question) for name in self.systems for question in self.questions]
        task = progress.add_task(f"{MANY} connections", total=rounds * len(pairs))
        for _ in range(rounds):
            random.shuffle(pairs)
            for name, question in pairs:
                count = max(2 * MANY, self.count(name, question))
                sample = await self.measure(name, question, count, connections=MANY)
                results.crowded[name, question.name].append(sample)
                progress.advance(task)

    async def policies(self, rounds: int, results: Results, progress: Progress) -> None:
        """The same pages for the administrator and for those whose rights are a predicate."""
        turns = [("admin", Q2), ("coordinator", Q2), ("admin", POLICY), ("charity", POLICY)]
        task = progress.add_task("Row policies", total=rounds * len(turns))
        for _ in range(rounds):
            random.shuffle(turns)
            for caller, question in turns:
                count = self.count("nexus", question)
                sample = await self.measure("nexus", question, count, caller=caller)
                results.policies[caller, question.name].append(sample)
                progress.advance(task)

    async def misses(self, results: Results) -> None:
        """Documents that nobody has sent before: parsed, validated, compiled, planned."""
        one = QUESTIONS["Q1"]
        for name in self.systems:
            if name == "bare":
                continue
            count = max(FEWEST, round(200 * self.share))
            system = self.systems[name]
            bodies = [
                system.body(one, one.draw(self.drawing)).replace(
                    b"category ", b"c%d: category " % at
                )
                for at in range(count + 8)
            ]
            results.misses[name] = await self.load.run(
                system, one.caller, bodies[8:], warm=bodies[:8]
            )

    async def memory(self, seconds: int, results: Results, progress: Progress) -> None:
        """Requests of all kinds, one in ten a document never seen, while the memory is read."""
        task = progress.add_task("Memory", total=seconds)
        system = self.systems["nexus"]
        reads = [question for question in QUESTIONS.values() if question is not M1]
        started, seen = time.monotonic(), 0
        while time.monotonic() - started < seconds:
            bodies = []
            for question in random.choices(reads, weights=(60, 10, 1, 60), k=400):
                body = system.body(question, question.draw(self.drawing))
                if random.random() < 0.1:
                    seen += 1
                    body = body.replace(b"query Q", b"query M%dQ" % seen)
                bodies.append(body)
            await self.load.run(system, "coordinator", bodies, warm=[])
            results.memory.append(cpu.resident(system.server("coordinator").process.pid))
            progress.update(task, completed=time.monotonic() - started)
