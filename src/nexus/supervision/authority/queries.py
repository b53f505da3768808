"""Who decided, what is kept, and what guards it (INV-14, 18, 21, 34 to 36, 38, 39)."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Text,
    and_,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    text,
    true,
    values,
)
from sqlalchemy.orm import aliased

from nexus.accounts.model import Account
from nexus.areas.model import AssistanceStandard, Parameter
from nexus.core.outbox import Event, Job, JobState
from nexus.graph.idempotency import IdempotencyKey
from nexus.matching.pledges.model import Delivery, Pledge
from nexus.needs.model import Need, NeedLine
from nexus.organizations.model import Organization
from nexus.recipients.attestations.model import Attestation, AttestationState
from nexus.recipients.model import (
    Consent,
    ConsentState,
    GivenBy,
    Household,
    Recipient,
    Recognition,
    RecognitionState,
)
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
    period = func.daterange(one.valid_from, one.valid_to)
    overlaps = period.op("&&")(func.daterange(other.valid_from, other.valid_to))
    live = ("pending", "entered_in_error")
    return finding(one.id, "it overlaps another of the same subject and category").where(
        exists().where(
            other.id > one.id,
            func.coalesce(other.household_id, other.recipient_id) == subject,
            _kind(other) == _kind(one),
            overlaps,
            other.state.not_in(live),
        ),
        one.state.not_in(live),
    )


def _recheck_is_due() -> Select[Any]:
    """The last check and the months of the class, by the figure that was in force (INV-35)."""
    row = Recognition
    due = cast(row.checked_on + func.make_interval(0, row.recheck_months), Date)
    return finding(
        row.id, "its next check is not the last one and the months of its class", due=due
    ).where(row.recheck_months.is_not(None), row.recheck_due_on.is_distinct_from(due))


def _recheck_months_are_in_force() -> Select[Any]:
    """The months are those of the row that its rule names."""
    row, figure = Recognition, Parameter
    return finding(
        row.id, "its months are not those of the rule it names", months=row.recheck_months
    ).where(
        row.recheck_rule.is_not(None),
        ~exists().where(row.recheck_rule == _version(figure), figure.value == row.recheck_months),
    )


def _taper_is_whole() -> Select[Any]:
    """Six months from its start to its last day, unless a death ended it (INV-35)."""
    row, figure = Recognition, Parameter
    over = cast(row.tapered_on + func.make_interval(0, row.taper_months), Date) + 1
    whole = and_(
        row.valid_to == over,
        exists().where(row.taper_rule == _version(figure), figure.value == row.taper_months),
    )
    return finding(row.id, "its taper did not last its months", over=over).where(
        row.tapered_on.is_not(None),
        row.state != RecognitionState.ENTERED_IN_ERROR,
        func.coalesce(row.end_reason, "") != "DEATH",
        whole.is_not(True),
    )


def _version(figure: Any) -> Any:
    """SQL: as `Figure.version` writes it."""
    return func.concat(figure.name, "@", figure.area_code, "/", figure.valid_from)


def _households_exclusion() -> Select[Any]:
    """Dibao of a household and tekun of a member, or the other way, at once (INV-34)."""
    one, other, member = aliased(Recognition), aliased(Recognition), aliased(Recipient)
    heads = (func.split_part(one.category, "-", 1), func.split_part(other.category, "-", 1))
    period = func.daterange(one.valid_from, one.valid_to)
    clash = or_(and_(heads[0] == "DB", heads[1] == "TK"), and_(heads[0] == "TK", heads[1] == "DB"))
    return (
        finding(one.id, "its household has dibao and a member tekun, or the other way")
        .join(member, member.household_id == one.household_id)
        .join(other, other.recipient_id == member.id)
        .where(
            clash,
            period.op("&&")(func.daterange(other.valid_from, other.valid_to)),
            period.op("&&")(func.daterange(member.moved_on, None)),
            func.daterange(other.valid_from, other.valid_to).op("&&")(
                func.daterange(member.moved_on, None)
            ),
            one.state != RecognitionState.ENTERED_IN_ERROR,
            other.state != RecognitionState.ENTERED_IN_ERROR,
        )
    )


def _kind(row: Any) -> ColumnElement[str]:
    """Dibao and tekun count as one."""
    return func.regexp_replace(row.category, "^(DB|TK)(-.*)?$", "DB|TK")


def _merged_periods() -> Select[Any]:
    """As one subject's, of two records that were merged into one (INV-34)."""
    parts = []
    pairs: tuple[tuple[Any, str], ...] = (
        (Recipient, "recipient_id"),
        (Household, "household_id"),
    )
    for table, about in pairs:
        gone, kept = aliased(table), aliased(table)
        one, other = aliased(Recognition), aliased(Recognition)
        root = func.coalesce(gone.merged_into_id, gone.id)
        parts.append(
            finding(one.id, "it overlaps another of a record that is the same subject")
            .join(gone, gone.id == getattr(one, about))
            .join(kept, func.coalesce(kept.merged_into_id, kept.id) == root)
            .join(other, getattr(other, about) == kept.id)
            .where(
                gone.merged_into_id.is_not(None),
                kept.id != gone.id,
                _kind(one) == _kind(other),
                func.daterange(one.valid_from, one.valid_to).op("&&")(
                    func.daterange(other.valid_from, other.valid_to)
                ),
                one.state != RecognitionState.ENTERED_IN_ERROR,
                other.state != RecognitionState.ENTERED_IN_ERROR,
            )
        )
    both = parts[0].union_all(parts[1]).subquery()
    return select(both.c.id, both.c.what, both.c.numbers)


def _tekun_standard() -> Select[Any]:
    """Tekun living standards in force beside a dibao standard of the same area (INV-36)."""
    tekun, dibao, figure = (
        aliased(AssistanceStandard),
        aliased(AssistanceStandard),
        aliased(Parameter),
    )
    period = func.daterange(tekun.valid_from, tekun.valid_to)
    least = (
        select(func.min(figure.value))
        .where(figure.name == "tekun_to_dibao_least")
        .scalar_subquery()
    )
    return (
        finding(
            tekun.id,
            "the tekun living standard is below its multiple of dibao",
            tekun=tekun.amount_fen,
            dibao=dibao.amount_fen,
        )
        .join(
            dibao,
            and_(dibao.area_code == tekun.area_code, dibao.setting == tekun.setting),
        )
        .where(
            tekun.kind == "tekun_living",
            dibao.kind == "dibao",
            period.op("&&")(func.daterange(dibao.valid_from, dibao.valid_to)),
            tekun.amount_fen < least * dibao.amount_fen,
        )
    )


def _margin_was_warned_of() -> Select[Any]:
    """Above the dibao margin: taken as the authority says, but never without its warning."""
    row, figure = Recognition, aliased(Parameter)
    most = (
        select(func.max(figure.value))
        .where(figure.name == "margin_to_dibao_most")
        .scalar_subquery()
    )
    return finding(
        row.id, "its income is above the margin, and nobody was warned", ratio=row.income_ratio
    ).where(
        func.split_part(row.category, "-", 1) == "BY",
        row.income_ratio > most,
        ~row.flags.contains(["INV-36"]),
    )


def _frozen_lines_are_closed() -> Select[Any]:
    """No line of a frozen need takes pledges (domain.md 7.3)."""
    return (
        finding(NeedLine.id, "its need is frozen, but the line is open")
        .join(Need, Need.id == NeedLine.need_id)
        .where(Need.confirm_needed, NeedLine.published)
    )


def _attestations_were_revoked() -> Select[Any]:
    """What rests on a recognition that has ended is revoked, once the news is delivered."""
    row = Attestation
    unheard = exists().where(Job.state == JobState.PENDING, Job.listener.like("attestations.%"))
    return (
        finding(row.id, "its recognition holds no longer, but it is not revoked")
        .join(Recognition, Recognition.id == row.recognition_id)
        .where(
            row.state == AttestationState.ISSUED,
            Recognition.state.in_(("ended", "suspended", "entered_in_error")),
            ~unheard,
        )
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
    "INV-11 attestation is revoked": _attestations_were_revoked(),
    "INV-07 frozen lines are closed": _frozen_lines_are_closed(),
    "INV-34 recognition periods": _recognition_periods(),
    "INV-34 dibao and tekun of a household": _households_exclusion(),
    "INV-34 merged records are one subject": _merged_periods(),
    "INV-35 recheck is due": _recheck_is_due(),
    "INV-35 recheck months are in force": _recheck_months_are_in_force(),
    "INV-35 taper is whole": _taper_is_whole(),
    "INV-36 tekun standard": _tekun_standard(),
    "INV-36 margin was warned of": _margin_was_warned_of(),
    "INV-38 keys are settled": _keys_are_settled(),
    "INV-39 triggers stand": _triggers_stand(),
    "INV-39 application cannot write": _application_cannot_write(),
}
