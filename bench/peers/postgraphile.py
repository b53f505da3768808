"""The PostGraphile peer's database side: row policies as predicates, the pledge as a function."""

from typing import Any

import asyncpg
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import aliased

from bench.actors import Caller
from nexus.acting import Actor
from nexus.casework import policy as casework
from nexus.casework.model import Station
from nexus.charity import policy as charity
from nexus.charity.model import CharityProject, Offer
from nexus.graph.execution import utcnow
from nexus.graph.sql import as_predicate
from nexus.matching.pledges import policy as pledges
from nexus.matching.pledges.model import Pledge
from nexus.needs import policy as needs
from nexus.needs.model import Need, NeedLine
from nexus.organizations import policy as organizations
from nexus.organizations.model import Organization

POLICIES: tuple[tuple[Any, Any], ...] = (
    (Need, needs.visible),
    (NeedLine, needs.line_visible),
    (Pledge, pledges.visible),
    (Station, casework.visible),
    (Offer, charity.visible),
    (CharityProject, charity.project_visible),
    (Organization, organizations.visible),
)
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

FUNCTION = """
CREATE OR REPLACE FUNCTION bench_offer_pledge(
    line_id uuid, quantity numeric, idempotency_key text
) RETURNS pledge LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    line need_line;
    told need;
    made pledge;
    allocated uuid := gen_random_uuid();
BEGIN
    INSERT INTO idempotency_key (account_id, key, input_hash, created_at) VALUES (
        '{account}', idempotency_key,
        sha256(convert_to('offerPledge ' || line_id || ' ' || quantity, 'UTF8')), now()
    ) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT p.* INTO made FROM pledge p JOIN idempotency_key k ON k.row_id = p.id
            WHERE k.account_id = '{account}' AND k.key = bench_offer_pledge.idempotency_key;
        RETURN made;
    END IF;
    SELECT * INTO line FROM need_line WHERE id = bench_offer_pledge.line_id;
    SELECT * INTO told FROM need AS __row__ WHERE id = line.need_id AND {visible};
    IF NOT FOUND OR NOT line.published THEN
        RAISE EXCEPTION 'refused';
    END IF;
    IF NOT EXISTS (
        SELECT FROM organization WHERE id = '{organization}' AND state = 'verified'
    ) THEN
        RAISE EXCEPTION 'not verified';
    END IF;
    INSERT INTO pledge (id, no, need_id, line_id, organization_id, quantity, expires_at, state,
        version, created_at, created_by)
    VALUES (gen_random_uuid(), 'P-' || told.shown_area_code || '-2026-' ||
        nextval('number_seq'), told.id, line.id, '{organization}', quantity,
        now() + interval '3 days', 'offered', 1, now(), '{account}')
    RETURNING * INTO made;
    INSERT INTO event (id, kind, object_type, object_id, object_version, actor_id, actor_role,
        organization_id, occurred_at, facts)
    VALUES (gen_random_uuid(), 'pledge.offered', 'pledge', made.id, 1, '{account}',
        'charity_client', '{organization}', now(), jsonb_build_object('need_id', made.need_id,
        'line_id', made.line_id, 'organization_id', made.organization_id,
        'quantity', made.quantity::text));
    INSERT INTO allocation (id, pledge_id, line_id, quantity, created_at)
    VALUES (allocated, made.id, made.line_id, quantity, now());
    INSERT INTO allocation_move (id, allocation_id, from_bucket, to_bucket, quantity, moved_at,
        moved_by)
    VALUES (gen_random_uuid(), allocated, 'open', 'reserved', quantity, now(), '{account}');
    UPDATE idempotency_key AS k SET row_id = made.id
        WHERE k.account_id = '{account}' AND k.key = bench_offer_pledge.idempotency_key;
    RETURN made;
END
$$
"""


def policies(caller: Caller) -> dict[str, str]:
    """By table the row policy for the caller, `__row__` standing for the row."""
    actor = caller.actor(utcnow())
    return {
        str(model.__tablename__): _predicate(visible, actor, model) for model, visible in POLICIES
    }


def _predicate(visible: Any, actor: Actor, model: Any) -> str:
    row: Any = aliased(model, name="__row__")
    judged: ColumnElement[bool] = as_predicate(visible(actor, row))
    if judged.compare(true()):
        return "true"
    # Compiled within a select of the row, so that its subqueries are correlated to it.
    statement = select(row.id).where(judged)
    compiled = statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})
    return f"({str(compiled).partition('WHERE ')[2]})"


async def add_function(owner_url: str, caller: Caller) -> None:
    """The pledge as a function that writes the rows nexus writes, as its docs advise for deeds."""
    visible = policies(caller)["need"]
    text = FUNCTION.format(
        account=caller.account_id, organization=caller.organization_id, visible=visible
    )
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(text)
    finally:
        await connection.close()
