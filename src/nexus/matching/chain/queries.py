"""The chain as SQL: the moments of every row of a household, each under its row's policy."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Text,
    Uuid,
    cast,
    column,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSON, array
from sqlalchemy.orm import aliased

from nexus.acting import Actor, Visible
from nexus.discovery import policy as discovery
from nexus.discovery.model import DiscoveryReport
from nexus.graph.identifiers import decode
from nexus.graph.sql import build_object, quoted
from nexus.matching.feedback import policy as feedback
from nexus.matching.feedback.model import Feedback
from nexus.matching.pledges import policy as pledges
from nexus.matching.pledges.model import Delivery, Pledge
from nexus.matching.referrals import policy as referrals
from nexus.matching.referrals.model import Referral
from nexus.needs import policy as needs
from nexus.needs.model import Need
from nexus.obligations import policy as obligations
from nexus.obligations.model import Obligation
from nexus.organizations.queries import is_verified
from nexus.recipients import policy as recipients
from nexus.recipients.model import Consent, Household, Recipient, RecipientAlias, Recognition

Given = dict[str, ColumnElement[Any]]


def read_household(global_id: str) -> str:
    """The household's key; that of no row for what is no household's id."""
    return str(decode(global_id, "Household"))


def window(actor: Actor, limit: ColumnElement[int], given: Given) -> Select[Any]:
    """The household and its steps as JSON; no row where there is none to see."""
    home = aliased(Household)
    told = union_all(*_steps(actor, home)).subquery()
    keys = [told.c.at, told.c.key, told.c.kind]
    first = select(told).order_by(*keys).limit(limit).correlate(home).subquery()
    listed = func.json_agg(build_object([(one.key, one) for one in first.c]))
    found = select(func.coalesce(listed, cast(quoted("[]"), JSON))).select_from(first)
    shown = select(found.correlate(home).scalar_subquery().label("steps")).select_from(home)
    return shown.where(_asked_for(actor, home, given))


def _asked_for(actor: Actor, home: Any, given: Given) -> ColumnElement[bool]:
    nobody: ColumnElement[bool] = literal_column("false")
    if "alias" in given and actor.role in pledges.PLEDGERS:
        name, person = aliased(RecipientAlias), aliased(Recipient)
        known = select(person.household_id).where(
            person.id == name.recipient_id,
            name.organization_id == actor.organization_id,
            name.alias == given["alias"],
            is_verified(actor.organization_id),
        )
        return home.id == known.scalar_subquery()  # type: ignore[no-any-return]
    if "household" not in given:
        return nobody
    return (home.id == cast(given["household"], Uuid)) & recipients.visible(actor, home)  # type: ignore[no-any-return]


def steps(actor: Actor, row: Any) -> Select[Any]:
    """The steps that a window found, oldest first."""
    columns: list[Any] = [
        column("at", DateTime(timezone=True)),
        column("kind", Text()),
        column("type_name", Text()),
        column("key", Uuid()),
    ]
    found: Any = (
        func.json_to_recordset(row.c.steps)
        .table_valued(*columns, name="step")
        .render_derived(with_types=True)
    )
    return select(*found.c).order_by(found.c.at, found.c.key, found.c.kind)


MOMENTS: list[tuple[Any, Visible, dict[str, str]]] = [
    (Recognition, recipients.recognition_visible, {"recorded": "created_at"}),
    (Consent, recipients.consent_visible, {"recorded": "created_at", "withdrawn": "withdrawn_at"}),
    (
        DiscoveryReport,
        discovery.visible,
        {"received": "received_at", "verified": "verified_at", "ended": "ended_at"},
    ),
    (
        Need,
        needs.visible,
        {
            "recorded": "created_at",
            "verified": "verified_at",
            "published": "published_at",
            "closed": "closed_at",
        },
    ),
    (Pledge, pledges.visible, {"offered": "created_at", "accepted": "accepted_at"}),
    (
        Referral,
        referrals.visible,
        {
            "sent": "sent_at",
            "accepted": "accepted_at",
            "completed": "completed_at",
            "confirmed": "confirmed_at",
        },
    ),
    (Delivery, pledges.visible, {"recorded": "created_at", "confirmed": "acknowledged_at"}),
    (Feedback, feedback.visible, {"given": "created_at"}),
    (Obligation, obligations.visible, {"opened": "created_at", "closed": "closed_at"}),
]
"""Each noun of the chain, its policy, and its moments: what happened, and the column that says
when."""


def _steps(actor: Actor, home: Any) -> list[Select[Any]]:
    parts = []
    for table, visible, moments in MOMENTS:
        row = aliased(table)
        names: Any = array([quoted(f"{table.__tablename__}.{what}") for what in moments])
        times: Any = array([getattr(row, name) for name in moments.values()])
        moment: Any = (
            func.unnest(names, times)
            .table_valued(
                column("kind", Text()), column("at", DateTime(timezone=True)), name="moment"
            )
            .render_derived()
        )
        parts.append(
            select(
                moment.c.at.label("at"),
                moment.c.kind.label("kind"),
                quoted(table.__name__).label("type_name"),
                row.id.label("key"),
            )
            .join_from(row, moment, true())
            .where(
                moment.c.at.is_not(None),
                _belongs(row, table, home),
                _took_part(actor, row, table),
                visible(actor, row),
            )
            .correlate(home)
        )
    return parts


def _belongs(row: Any, table: Any, home: Any) -> ColumnElement[bool]:
    """The row is about the household, one of its members, or a row that is."""
    if table in (Need, DiscoveryReport):
        return row.household_id.in_(_homes(home))  # type: ignore[no-any-return]
    if table is Recognition:
        return or_(row.household_id.in_(_homes(home)), row.recipient_id.in_(_members(home)))
    if table is Consent:
        return row.recipient_id.in_(_members(home))  # type: ignore[no-any-return]
    if table is not Obligation:
        return row.need_id.in_(_ids(Need, home))  # type: ignore[no-any-return]
    subjects = (Need, Consent, Recognition, DiscoveryReport, Pledge, Referral)
    return or_(*(row.subject_id.in_(_ids(subject, home)) for subject in subjects))


def _homes(home: Any) -> Any:
    """The household, and those that were found to be the same."""
    same = aliased(Household)
    found = select(same.id).where(or_(same.id == home.id, same.merged_into_id == home.id))
    return found.correlate(home)


def _members(home: Any) -> Any:
    person = aliased(Recipient)
    return select(person.id).where(person.household_id.in_(_homes(home))).correlate(home)


def _ids(table: Any, home: Any) -> Any:
    row = aliased(table)
    return select(row.id).where(_belongs(row, table, home)).correlate(home)


def _took_part(actor: Actor, row: Any, table: Any) -> ColumnElement[bool]:
    """Who helps is shown no need of the household but those it helps with (INV-15)."""
    if actor.role not in pledges.PLEDGERS or table is not Need:
        return true()
    pledge, referral = aliased(Pledge), aliased(Referral)
    return or_(
        exists().where(pledge.need_id == row.id, pledges.visible(actor, pledge)),
        exists().where(referral.need_id == row.id, referrals.visible(actor, referral)),
    )
