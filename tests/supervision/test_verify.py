"""`verify` finds a planted fault for every invariant, and nothing in a world made by deeds."""

from collections.abc import Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import View, system
from nexus.checks import CHECKS
from nexus.matching.pledges.model import PledgeState
from nexus.supervision.operations import verify
from tests.making import making, now
from tests.matching.bridge import Bridge, build_bridge
from tests.supervision.accepting import ACCEPTING, SOUND
from tests.supervision.buying import BOUGHT, BUYING
from tests.supervision.contracting import CONTRACTING
from tests.supervision.evaluating import EVALUATED, EVALUATING
from tests.supervision.exchanging import EXCHANGING
from tests.supervision.filing import FILING
from tests.supervision.helping import HELPING
from tests.supervision.keeping import KEEPING
from tests.supervision.owing import OWING
from tests.supervision.referring import REFERRING
from tests.supervision.relaxing import RELAXING
from tests.supervision.reporting import REPORTING
from tests.supervision.signing import SIGNING
from tests.supervision.spending import SPENDING, SPENT
from tests.supervision.visiting import CHANGE_UNTOLD, VISITING

LINE = "(SELECT id FROM need_line WHERE need_id = :need)"
PLEDGE = "(SELECT id FROM pledge WHERE need_id = :need ORDER BY no LIMIT 1)"
ALLOCATION = f"(SELECT id FROM allocation WHERE pledge_id = {PLEDGE})"
RECOGNITION = (
    "(SELECT id FROM recognition WHERE recipient_id = "
    "(SELECT recipient_id FROM need WHERE id = :need))"
)
RECHECK = (
    "recheck_class = 'changeable', recheck_months = 6, checked_on = '2026-03-01', "
    "recheck_rule = 'recheck_changeable_months@CN/2020-01-01'"
)
DELIVERY = f"(SELECT id FROM delivery WHERE pledge_id = {PLEDGE})"

# What holds the fault off in daily life is taken away first, inside a transaction never committed.
FAULTS: dict[str, Sequence[str]] = {
    **ACCEPTING,
    **BUYING,
    **EVALUATING,
    **FILING,
    **HELPING,
    **OWING,
    **EXCHANGING,
    **CONTRACTING,
    **REFERRING,
    **RELAXING,
    **REPORTING,
    **SIGNING,
    **SPENDING,
    **KEEPING,
    **VISITING,
    "INV-37 each change is told": CHANGE_UNTOLD,
    "INV-01 line within required": (
        "ALTER TABLE need_line DROP CONSTRAINT ck_need_line_inv_01_no_oversell",
        f"UPDATE need_line SET reserved = 11 WHERE id = {LINE}",
    ),
    "INV-01 allocations within required": (
        "ALTER TABLE allocation DROP CONSTRAINT ck_allocation_buckets_sum",
        f"UPDATE allocation SET committed = 11 WHERE id = {ALLOCATION}",
    ),
    "INV-02 offer within capacity": (
        "ALTER TABLE offer DROP CONSTRAINT ck_offer_inv_02_capacity",
        "UPDATE offer SET capacity_reserved = 9 WHERE id = :offer",
    ),
    "INV-04 allocation equals moves": (
        f"UPDATE allocation SET committed = committed + 1, delivered = delivered - 1 "
        f"WHERE id = {ALLOCATION}",
    ),
    "INV-04 allocation is whole": (
        "ALTER TABLE allocation DROP CONSTRAINT ck_allocation_buckets_sum",
        f"UPDATE allocation SET quantity = 6 WHERE id = {ALLOCATION}",
    ),
    "INV-04 line equals allocations": (
        f"UPDATE need_line SET confirmed = 1, delivered = delivered - 1 WHERE id = {LINE}",
    ),
    "INV-04 offer equals allocations": (
        "UPDATE offer SET capacity_used = capacity_used + 1 WHERE id = :offer",
    ),
    "INV-04 delivery equals moves": (
        f"UPDATE delivery SET state = 'acknowledged' WHERE id = {DELIVERY}",
    ),
    "INV-04 pledge follows its sums": (
        f"UPDATE pledge SET state = 'fulfilled' WHERE id = {PLEDGE}",
    ),
    "INV-04 ledger agrees with pledge": (f"UPDATE pledge SET quantity = 4 WHERE id = {PLEDGE}",),
    "INV-04 delivery agrees with pledge": (
        f"UPDATE delivery SET organization_id = (SELECT publisher_id FROM need WHERE id = :need) "
        f"WHERE id = {DELIVERY}",
    ),
    "INV-05 closed as met is confirmed": (
        "UPDATE need SET state = 'closed', close_reason = 'met' WHERE id = :need",
    ),
    "INV-05 ended need is owed nothing": ("UPDATE need SET state = 'cancelled' WHERE id = :need",),
    "INV-06 required covers what is bound": (
        "ALTER TABLE need_line DROP CONSTRAINT ck_need_line_inv_01_no_oversell",
        f"UPDATE need_line SET quantity_required = 4 WHERE id = {LINE}",
    ),
    "INV-07 published flag": ("UPDATE need SET state = 'paused' WHERE id = :need",),
    "INV-08 one live pledge": (
        "DROP INDEX uq_pledge_live",
        "INSERT INTO pledge SELECT (p).* FROM (SELECT jsonb_populate_record(p, "
        "jsonb_build_object('id', gen_random_uuid(), 'no', 'twice')) AS p FROM pledge p "
        f"WHERE id = {PLEDGE}) AS copy",
    ),
    "INV-14 guardian consents": (
        "UPDATE recipient SET birth_year = extract(year FROM now()) - 10 WHERE id = "
        "(SELECT recipient_id FROM need WHERE id = :need)",
    ),
    "INV-18 need has a second person": (
        "ALTER TABLE need DROP CONSTRAINT ck_need_verifier_not_creator",
        "UPDATE need SET verified_by = created_by WHERE id = :need",
    ),
    "INV-18 organization has a second person": (
        "ALTER TABLE organization DROP CONSTRAINT ck_organization_verifier_not_creator",
        "UPDATE organization SET verified_by = created_by WHERE id = "
        "(SELECT publisher_id FROM need WHERE id = :need)",
    ),
    "INV-18 delivery has a second person": (
        "ALTER TABLE delivery DROP CONSTRAINT ck_delivery_acknowledger_not_recorder",
        f"UPDATE delivery SET acknowledged_by = created_by WHERE id = {DELIVERY}",
    ),
    "INV-18 pledge has a second party": (
        f"UPDATE pledge SET accepted_by = created_by WHERE id = {PLEDGE}",
    ),
    "INV-21 pledge has its history": (
        "ALTER TABLE event DISABLE TRIGGER event_is_append_only",
        f"DELETE FROM event WHERE kind = 'pledge.offered' AND object_id = {PLEDGE}",
    ),
    "INV-34 recognition periods": (
        "ALTER TABLE recognition DROP CONSTRAINT ex_recognition_period",
        "INSERT INTO recognition SELECT (r).* FROM (SELECT jsonb_populate_record(r, "
        "jsonb_build_object('id', gen_random_uuid(), 'no', 'twice', 'category', 'TK')) AS r "
        "FROM recognition r WHERE recipient_id = "
        "(SELECT recipient_id FROM need WHERE id = :need)) AS copy",
    ),
    "INV-34 dibao and tekun of a household": (
        "INSERT INTO recognition SELECT (r).* FROM (SELECT jsonb_populate_record(r, "
        "jsonb_build_object('id', gen_random_uuid(), 'no', 'home', 'category', 'TK', "
        "'recipient_id', null, 'household_id', p.household_id)) AS r "
        "FROM recognition r JOIN recipient p ON p.id = r.recipient_id "
        f"WHERE r.id = {RECOGNITION}) AS copy",
    ),
    "INV-34 merged records are one subject": (
        "INSERT INTO recipient SELECT (r).* FROM (SELECT jsonb_populate_record(r, "
        "jsonb_build_object('id', gen_random_uuid(), 'no', 'same', 'merged_into_id', r.id, "
        "'merged_at', now())) AS r FROM recipient r "
        "WHERE id = (SELECT recipient_id FROM need WHERE id = :need)) AS copy",
        "INSERT INTO recognition SELECT (r).* FROM (SELECT jsonb_populate_record(r, "
        "jsonb_build_object('id', gen_random_uuid(), 'no', 'twice', 'recipient_id', p.id)) AS r "
        "FROM recognition r JOIN recipient p ON p.no = 'same' "
        f"WHERE r.id = {RECOGNITION}) AS copy",
    ),
    "INV-35 recheck is due": (
        "ALTER TABLE recognition DROP CONSTRAINT ck_recognition_inv_35_recheck_due",
        f"UPDATE recognition SET {RECHECK}, recheck_due_on = '2026-10-01' WHERE id = {RECOGNITION}",
    ),
    "INV-35 recheck months are in force": (
        f"UPDATE recognition SET {RECHECK}, recheck_due_on = '2026-09-01' WHERE id = {RECOGNITION}",
        f"UPDATE recognition SET recheck_rule = 'recheck_stable_months@CN/2020-01-01' "
        f"WHERE id = {RECOGNITION}",
    ),
    "INV-35 taper is whole": (
        "UPDATE recognition SET state = 'ended', end_reason = 'INCOME', tapered_on = valid_from, "
        "taper_months = 6, taper_rule = 'taper_months@CN/2020-01-01', valid_to = valid_from + 90 "
        f"WHERE id = {RECOGNITION}",
    ),
    "INV-36 tekun standard": (
        "INSERT INTO assistance_standard (id, area_code, kind, setting, amount_fen, valid_from, "
        "source) SELECT gen_random_uuid(), area_code, 'tekun_living', setting, amount_fen * 1.5, "
        "valid_from, 'test' FROM assistance_standard WHERE kind = 'dibao' LIMIT 1",
    ),
    "INV-36 margin was warned of": (
        f"UPDATE recognition SET category = 'BY', income_ratio = 1.501 WHERE id = {RECOGNITION}",
    ),
    "INV-07 frozen lines are closed": (
        "UPDATE need SET confirm_needed = true, confirm_reason = 'DEATH', frozen_at = now() "
        "WHERE id = :need",
    ),
    "INV-11 attestation is revoked": (
        "INSERT INTO signing_key VALUES (gen_random_uuid(), 'k', "
        "decode(repeat('00', 32), 'hex'), now())",
        "INSERT INTO attestation (id, no, recognition_id, recipient_id, organization_id, alias, "
        "purpose, legal_basis, category, area_code, valid_until, validity_rule, token, digest, "
        "key_id, status_index, state, version, created_at, created_by) SELECT gen_random_uuid(), "
        "'A', r.id, r.recipient_id, r.authority_id, 'P', 'DELIV', 'DUTY', 'DB', '44', "
        "current_date + 9, 'x', 't', 'd', k.id, 7, 'issued', 1, now(), r.created_by "
        f"FROM recognition r, signing_key k WHERE r.id = {RECOGNITION}",
        f"UPDATE recognition SET state = 'suspended' WHERE id = {RECOGNITION}",
    ),
    "INV-38 keys are settled": (
        "INSERT INTO idempotency_key (account_id, key, input_hash, created_at) "
        "VALUES (gen_random_uuid(), 'k', '', now())",
    ),
    "INV-39 triggers stand": (
        "ALTER TABLE allocation_move DISABLE TRIGGER allocation_move_is_append_only",
    ),
    "INV-39 application cannot write": ("GRANT UPDATE (reserved) ON need_line TO nexus_app",),
    "worklists hold what waits": ("DELETE FROM work_desk", "DELETE FROM work_item"),
}


async def test_money_without_fault_is_not_found(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    await helped(engine)
    async with AsyncSession(owner_engine) as session:
        for statement in SPENT:
            await session.execute(text(statement))
        found = await verify(View(session, system(now())), checks=CHECKS)
        await session.rollback()
    assert [one for one in found if one.rule in SPENDING] == []


async def test_a_purchase_without_fault_is_not_found(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    await helped(engine)
    async with AsyncSession(owner_engine) as session:
        for statement in BOUGHT:
            await session.execute(text(statement))
        found = await verify(View(session, system(now())), checks=CHECKS)
        await session.rollback()
    assert [one for one in found if one.rule in BUYING] == []


async def test_an_evaluation_without_fault_is_not_found(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    await helped(engine)
    async with AsyncSession(owner_engine) as session:
        for statement in EVALUATED:
            await session.execute(text(statement))
        found = await verify(View(session, system(now())), checks=CHECKS)
        await session.rollback()
    assert [one for one in found if one.rule in EVALUATING] == []


async def helped(engine: AsyncEngine) -> Bridge:
    """A need of somebody on dibao, whose pledge is partly delivered."""
    bridge = await build_bridge(engine)
    async with making(engine) as m:
        await m.recognition(recipient_id=bridge.need.recipient_id)
    await bridge.pledge_in(PledgeState.PARTLY_FULFILLED)
    return bridge


async def test_a_world_made_by_deeds_has_no_findings(engine: AsyncEngine) -> None:
    bridge = await helped(engine)
    for state in PledgeState:
        other = await build_bridge(engine)
        await other.pledge_in(state)
    seen: list[tuple[int, int]] = []
    async with AsyncSession(engine) as session:
        found = await verify(
            View(session, system(now())), lambda *step: seen.append(step), checks=CHECKS
        )
    assert found == []
    assert seen == [(step, len(CHECKS)) for step in range(1, len(CHECKS) + 1)]
    assert await bridge.findings() == []


def test_every_invariant_has_a_planted_fault() -> None:
    assert FAULTS.keys() == CHECKS.keys()


@pytest.mark.parametrize("rule", list(FAULTS))
async def test_a_planted_fault_is_found(
    engine: AsyncEngine, owner_engine: AsyncEngine, rule: str
) -> None:
    bridge = await helped(engine)
    async with AsyncSession(owner_engine) as session:
        for statement in FAULTS[rule]:
            given = {"need": bridge.need.id, "offer": bridge.offer.id}
            await session.execute(text(statement), given)
        found = await verify(View(session, system(now())), checks=CHECKS)
        await session.rollback()
    named = [finding for finding in found if finding.rule == rule]
    assert named, [finding.rule for finding in found]
    assert all(finding.id and finding.what and finding.message for finding in named)
    assert {"rule", "id", "what", "numbers"} == named[0].as_dict().keys()
    assert await bridge.findings() == []


async def test_an_acceptance_without_fault_is_not_found(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    bridge = await helped(engine)
    async with AsyncSession(owner_engine) as session:
        for statement in SOUND:
            await session.execute(text(statement))
        found = await verify(View(session, system(now())), checks=CHECKS)
        await session.rollback()
    assert [one for one in found if one.rule in ACCEPTING] == []
    assert await bridge.findings() == []
