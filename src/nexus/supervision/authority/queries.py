"""Who decided, what is kept, and what guards it (INV-14, 18, 21, 34, 38, 39)."""

from typing import Any

from sqlalchemy import (
    Select,
    Text,
    column,
    exists,
    func,
    select,
    text,
    true,
    values,
)
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.core.outbox import Event
from nexus.graph.idempotency import IdempotencyKey
from nexus.matching.pledges.model import (
    Delivery,
    Pledge,
)
from nexus.needs.model import Need
from nexus.organizations.model import Organization
from nexus.recipients.model import Consent, ConsentState, GivenBy, Recipient, Recognition
from nexus.recipients.rules import ADULT_CONSENT_AGE
from nexus.supervision.ledger.queries import LIVE, finding

TRIGGERS = {
    "event_is_append_only": "event",
    "allocation_move_is_append_only": "allocation_move",
    "allocation_move_posts": "allocation_move",
}
PRIVILEGES = (
    ("event", "UPDATE"),
    ("event", "DELETE"),
    ("allocation_move", "UPDATE"),
    ("allocation_move", "DELETE"),
    ("allocation", "UPDATE"),
    ("allocation", "DELETE"),
)
COLUMN_PRIVILEGES = (
    *(("need_line", name) for name in LIVE),
    ("offer", "capacity_reserved"),
    ("offer", "capacity_used"),
)


def _guardian_consents() -> Select[Any]:
    """Whole years: a subject under 14 beyond doubt, whatever the day of birth."""
    age = func.extract("year", Consent.obtained_at) - Recipient.birth_year
    return (
        finding(Consent.id, "the subject is under 14, but no guardian consented", age=age)
        .join(Recipient, Recipient.id == Consent.recipient_id)
        .where(
            Consent.state == ConsentState.GRANTED,
            Consent.given_by != GivenBy.GUARDIAN,
            age < ADULT_CONSENT_AGE,
        )
    )


def _need_second_person() -> Select[Any]:
    return finding(Need.id, "its creator verified it").where(Need.verified_by == Need.created_by)


def _organization_second_person() -> Select[Any]:
    row = Organization
    return finding(row.id, "its creator verified it").where(row.verified_by == row.created_by)


def _delivery_second_person() -> Select[Any]:
    row = Delivery
    return finding(row.id, "its recorder confirmed it").where(row.acknowledged_by == row.created_by)


def _pledge_second_party() -> Select[Any]:
    """Acceptance at once, from an offer approved beforehand, is the coordinator's yes."""
    return (
        finding(Pledge.id, "the pledging organization accepted it itself")
        .join(Account, Account.id == Pledge.accepted_by)
        .where(
            Account.organization_id == Pledge.organization_id,
            Pledge.accepted_at != Pledge.created_at,
        )
    )


def _recognition_periods() -> Select[Any]:
    """No two of one subject and category at once; dibao and tekun count as one (INV-34)."""
    one, other = aliased(Recognition), aliased(Recognition)
    subject = func.coalesce(one.household_id, one.recipient_id)
    kind = func.regexp_replace(one.category, "^(DB|TK)(-.*)?$", "DB|TK")
    other_kind = func.regexp_replace(other.category, "^(DB|TK)(-.*)?$", "DB|TK")
    period = func.daterange(one.valid_from, one.valid_to)
    overlaps = period.op("&&")(func.daterange(other.valid_from, other.valid_to))
    live = ("pending", "entered_in_error")
    return finding(one.id, "it overlaps another of the same subject and category").where(
        exists().where(
            other.id > one.id,
            func.coalesce(other.household_id, other.recipient_id) == subject,
            other_kind == kind,
            overlaps,
            other.state.not_in(live),
        ),
        one.state.not_in(live),
    )


def _keys_are_settled() -> Select[Any]:
    row = IdempotencyKey
    return finding(row.key, "a key was used and has no answer").where(
        row.row_id.is_(None), row.refusal.is_(None)
    )


def _events_of_rows() -> Select[Any]:
    """Every pledge has its history: an event for the day it was offered."""
    return finding(Pledge.id, "no event tells that it was offered").where(
        ~exists().where(
            Event.object_type == "pledge",
            Event.object_id == Pledge.id,
            Event.kind == "pledge.offered",
        )
    )


def _triggers_stand() -> Select[Any]:
    wanted = values(column("name", Text), column("owner", Text), name="wanted").data(
        list(TRIGGERS.items())
    )
    there = text(
        "SELECT 1 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE t.tgname = wanted.name AND c.relname = wanted.owner AND t.tgenabled IN ('O', 'A')"
    )
    return (
        finding(wanted.c.name, "a trigger that keeps the ledger is missing or switched off")
        .select_from(wanted)
        .where(~exists(there.columns(column("found"))))
    )


def _application_cannot_write() -> Select[Any]:
    tables = values(column("name", Text), column("privilege", Text), name="tables").data(
        list(PRIVILEGES)
    )
    columns = values(column("name", Text), column("field", Text), name="columns").data(
        list(COLUMN_PRIVILEGES)
    )
    what = "the application's role may change what only the ledger writes"
    whole = (
        finding(tables.c.name, what, privilege=tables.c.privilege)
        .select_from(tables)
        .where(func.has_table_privilege("nexus_app", tables.c.name, tables.c.privilege))
    )
    single = (
        finding(columns.c.name, what, column=columns.c.field)
        .select_from(columns)
        .where(func.has_column_privilege("nexus_app", columns.c.name, columns.c.field, "UPDATE"))
    )
    both = whole.union_all(single).subquery()
    return select(both.c.id, both.c.what, both.c.numbers).where(true())


CHECKS: dict[str, Select[Any]] = {
    "INV-14 guardian consents": _guardian_consents(),
    "INV-18 need has a second person": _need_second_person(),
    "INV-18 organization has a second person": _organization_second_person(),
    "INV-18 delivery has a second person": _delivery_second_person(),
    "INV-18 pledge has a second party": _pledge_second_party(),
    "INV-21 pledge has its history": _events_of_rows(),
    "INV-34 recognition periods": _recognition_periods(),
    "INV-38 keys are settled": _keys_are_settled(),
    "INV-39 triggers stand": _triggers_stand(),
    "INV-39 application cannot write": _application_cannot_write(),
}
