"""Scenario 18: the same seed and frame draw the same anywhere; a changed frame is noticed."""

import hashlib
import json
import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.refusals import ConsentMissing, GuardFailed
from nexus.evaluation.evaluations.model import EvaluationState
from nexus.evaluation.sampling import operations as o
from nexus.evaluation.sampling import rules
from nexus.evaluation.sampling.model import SampleItem, SampleState
from nexus.evaluation.voice import operations as voice
from nexus.evaluation.voice.model import ClientFeedback, VoiceState
from nexus.evaluation.voice.rules import AlreadyAsked, TooFewAnswers
from nexus.purchasing.facts.operations import withdraw_fact
from nexus.recipients.model import Consent, ConsentState
from tests.evaluation.scene import brought, fresh, move, staged
from tests.making import making, now
from tests.purchasing.bought import do, rows_of

E = EvaluationState
ELSEWHERE = """
import hashlib, json, sys
given = json.load(sys.stdin)
seed, frame, size = given["seed"], given["frame"], given["size"]
lot = lambda key: hashlib.sha256((seed + ":" + key).encode()).hexdigest()
print(json.dumps(sorted(reversed(frame), key=lambda key: (lot(key), key))[:size]))
"""


async def committed(engine: AsyncEngine, at: Any, row: Any, size: int = 2) -> Any:
    version = (await fresh(engine, row)).version
    return await do(
        engine, at.assessor, o.commit_sample, row.id, expected_version=version, size=size
    )


async def drawn(engine: AsyncEngine, sample: Any) -> list[str]:
    rows = await rows_of(engine, SampleItem, SampleItem.sample_id == sample.id)
    return [str(one.fact_id) for one in sorted(rows, key=lambda one: one.position)]


async def test_anyone_draws_the_same_again(engine: AsyncEngine) -> None:
    """Another program, and PostgreSQL, from what was told alone."""
    at = await staged(engine, visits=6)
    row = await brought(engine, at, E.IN_PROGRESS)
    sample = await committed(engine, at, row, size=3)
    sample = await do(engine, at.assessor, o.draw_sample, sample.id, expected_version=1)
    assert sample.state is SampleState.DRAWN
    frame = [str(key) for key in sample.frame]
    assert sorted(frame) == sorted(str(fact.id) for fact in at.facts)
    assert sample.commitment == hashlib.sha256(sample.seed.encode()).hexdigest()
    assert sample.frame_hash == hashlib.sha256("\n".join(sorted(frame)).encode()).hexdigest()
    told = json.dumps({"seed": sample.seed, "frame": frame, "size": 3})
    again = subprocess.run(
        [sys.executable, "-I", "-c", ELSEWHERE], input=told, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    kept = await drawn(engine, sample)
    assert json.loads(again.stdout) == kept
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            text(
                "SELECT key::text FROM evaluation_sample, unnest(frame) AS key WHERE id = :id "
                "ORDER BY sha256(convert_to(seed || ':' || key, 'UTF8')), key LIMIT 3"
            ),
            {"id": sample.id},
        )
        assert list(found) == kept


async def test_a_changed_frame_is_noticed(engine: AsyncEngine) -> None:
    at = await staged(engine, visits=4)
    row = await brought(engine, at, E.IN_PROGRESS)
    sample = await committed(engine, at, row)
    await do(
        engine, at.made.lead, withdraw_fact, at.facts[0].id,
        expected_version=at.facts[0].version, reason="误录",
    )  # fmt: skip
    with pytest.raises(rules.FrameChanged) as refused:
        await do(engine, at.assessor, o.draw_sample, sample.id, expected_version=1)
    assert (refused.value.details["committed"], refused.value.details["now"]) == (4, 3)
    assert await drawn(engine, sample) == []
    with pytest.raises(GuardFailed):
        await committed(engine, at, row)
    await do(engine, at.assessor, o.void_sample, sample.id, expected_version=1, reason="事实有变")
    second = await committed(engine, at, row)
    assert (await do(engine, at.assessor, o.draw_sample, second.id, expected_version=1)).size == 2


async def test_the_seed_is_told_with_the_draw_only(engine: AsyncEngine, api: Any) -> None:
    at = await staged(engine)
    row = await brought(engine, at, E.IN_PROGRESS)
    sample = await committed(engine, at, row)
    ask = api(at.assessor)
    document = (
        "{ evaluations(first: 1) { nodes { samples(first: 1) { nodes "
        "{ seed commitment frameHash state } } } } }"
    )

    async def told() -> Any:
        data = (await ask(document))["data"]
        return data["evaluations"]["nodes"][0]["samples"]["nodes"][0]

    before = await told()
    assert (before["seed"], before["commitment"]) == (None, sample.commitment)
    await do(engine, at.assessor, o.draw_sample, sample.id, expected_version=1)
    assert (await told())["seed"] == sample.seed


async def test_a_note_stands_for_no_finding(engine: AsyncEngine, owner_engine: AsyncEngine) -> None:
    """What was found has its time and its finder, whatever is noted beside it."""
    at = await staged(engine)
    sample = await committed(engine, at, await brought(engine, at, E.IN_PROGRESS))
    await do(engine, at.assessor, o.draw_sample, sample.id, expected_version=1)
    halves = "UPDATE sample_item SET finding = 'confirmed', note = '见照片' WHERE sample_id = :id"
    with pytest.raises(IntegrityError, match="finding_whole"):
        async with owner_engine.begin() as connection:
            await connection.execute(text(halves), {"id": sample.id})


async def _asked(engine: AsyncEngine, at: Any) -> tuple[Any, list[Any]]:
    row = await brought(engine, at, E.IN_PROGRESS)
    sample = await committed(engine, at, row)
    await do(engine, at.assessor, o.draw_sample, sample.id, expected_version=1)
    await move(engine, at.assessor, voice.ask_sampled_clients, row)
    asked = await rows_of(engine, ClientFeedback, ClientFeedback.evaluation_id == row.id)
    return row, asked


async def test_clients_are_asked_by_consent_and_once(engine: AsyncEngine) -> None:
    at = await staged(engine)
    row, asked = await _asked(engine, at)
    assert [one.state for one in asked] == [VoiceState.ASKED] * 2
    with pytest.raises(ConsentMissing):
        await move(engine, at.assessor, voice.ask_sampled_clients, row)
    with pytest.raises(TooFewAnswers):
        await move(engine, at.assessor, voice.tally_client_voice, row)
    await do(engine, at.assessor, voice.decline_client_feedback, asked[0].id, expected_version=1)
    async with making(engine) as m:
        consent = await m.session.get_one(Consent, asked[1].consent_id)
        consent.state, consent.withdrawn_at = ConsentState.WITHDRAWN, now()
        await m.session.commit()
    with pytest.raises(ConsentMissing):
        await do(
            engine, at.assessor, voice.answer_client_feedback, asked[1].id,
            expected_version=1, satisfaction=5,
        )  # fmt: skip
    assert (await fresh(engine, asked[1])).state is VoiceState.ASKED


async def test_what_suppliers_collect_is_shown_and_does_not_count(
    engine: AsyncEngine, api: Any
) -> None:
    at = await staged(engine)
    for satisfaction, fact in zip((5, 5, 4), at.facts, strict=False):
        await do(
            engine, at.made.lead, voice.give_client_feedback, fact.id, satisfaction=satisfaction
        )
    with pytest.raises(AlreadyAsked):
        await do(engine, at.made.lead, voice.give_client_feedback, at.facts[0].id, satisfaction=5)
    row, asked = await _asked(engine, at)
    await do(
        engine, at.assessor, voice.answer_client_feedback, asked[0].id, expected_version=1,
        satisfaction=2,
    )  # fmt: skip
    row = await move(engine, at.assessor, voice.tally_client_voice, row)
    data = (
        await api(at.made.manager)(
            "{ evaluations(first: 1) { nodes { scores(first: 5) { nodes { score evidence } } "
            "contract { clientVoice { way asked answered responsePercent mean } } } } }"
        )
    )["data"]["evaluations"]["nodes"][0]
    assert [one["score"] for one in data["scores"]["nodes"]] == ["25"]
    assert {
        one["way"]: (one["asked"], one["answered"]) for one in data["contract"]["clientVoice"]
    } == {"AT_DELIVERY": (3, 3), "FOLLOW_UP": (2, 1)}
