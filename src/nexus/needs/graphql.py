"""Needs, their lines and their history in the graph."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Text
from sqlalchemy.dialects.postgresql import ARRAY

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.casework.graphql import Station
from nexus.core.outbox import Event
from nexus.emergencies.graphql import EmergencyEvent
from nexus.emergencies.model import EmergencyPhase
from nexus.graph.declare import (
    JSON,
    Connection,
    Fen,
    any_of,
    at_least,
    at_most,
    classified,
    collection,
    computed,
    containing,
    holds,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    within,
)
from nexus.graph.filters import FilterField
from nexus.graph.specs import Filter, Order
from nexus.graph.subscribing import heard, stream, subscription
from nexus.needs import model, policy, queries
from nexus.organizations.graphql import Organization
from nexus.recipients.consents.graphql import Consent
from nexus.recipients.graphql import Household, Recipient

register_enums(
    model.SubjectKind,
    model.Urgency,
    model.NeedKind,
    model.Visibility,
    model.PopulationGroup,
    model.TemporaryType,
    model.NeedState,
    model.CloseReason,
    model.Coverage,
)
_DETAIL = policy.may_read_detail
_TEXT = policy.may_read_text


@node(model.NeedLine, visible=policy.line_visible)
class NeedLine:
    """One kind of help within a need, with a quantity or open-ended."""

    position: int
    kind: model.NeedKind
    category: str
    item_code: str | None
    item: str
    specification: str | None
    quantity_required: Decimal | None
    unit: str
    est_unit_value_fen: Fen | None
    tranche_no: int
    held: bool
    asked: bool
    reserved: Decimal
    committed: Decimal
    delivered: Decimal
    confirmed: Decimal
    coverage: model.Coverage = computed(
        lambda actor, row: queries.named(queries.line_step(row)),
        about="How far the line has come; an open-ended one is at most partly delivered.",
    )
    open_quantity: Decimal | None = computed(
        lambda actor, row: queries.open_quantity(row),
        about="What nobody has taken up yet; null for an open-ended line.",
    )
    open: bool = computed(
        lambda actor, row: queries.line_is_open(row),
        about="Published, and more can be pledged.",
    )
    area: Area | None = to_one(model.NeedLine.area_code, allowed=policy.may_read_line_area)
    need: "Need | None" = to_one(model.NeedLine.need_id)


@node(Event, visible=policy.event_visible)
class NeedEvent:
    """What happened to a need, for those who see its detail. Facts are ids, codes and numbers."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(
    model.Need,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "update_need": ("update", policy.may_update),
        "add_need_line": ("update", policy.may_update),
        "remove_need_line": ("update", policy.may_update),
        "submit_need": ("submit", policy.may_submit),
        "verify_need": ("verify", policy.may_verify),
        "return_need": ("return", policy.may_return),
        "reject_need": ("reject", policy.may_reject),
        "publish_need": ("publish", policy.may_publish),
        "publish_need_provisionally": (
            "publish_provisionally",
            policy.may_publish_provisionally,
        ),
        "verify_need_later": ("verify_later", policy.may_verify_later_now),
        "release_tranche": ("release_tranche", policy.may_release_tranche_now),
        "pause_need": ("pause", policy.may_pause),
        "resume_need": ("resume", policy.may_resume),
        "change_quantity": ("change_quantity", policy.may_change_quantity),
        "close_need": ("close", policy.may_close),
        "reopen_need": ("reopen", policy.may_reopen),
        "cancel_need": ("cancel", policy.may_cancel),
        "confirm_need_still_stands": (None, policy.may_confirm_now),
        "link_need_to_case": (None, policy.may_link_case_now),
    },
)
class Need:
    """What a recipient, a household or a group still lacks, published by an authority.

    Outside its territory only the released text is shown, and its area no finer than the rule.
    """

    no: str
    subject_kind: model.SubjectKind
    group_name: str | None
    category: str
    urgency: model.Urgency
    population_group: model.PopulationGroup | None
    temporary_type: model.TemporaryType | None
    public_title: str | None
    public_summary: str | None
    shown_area: Area | None = to_one(
        model.Need.shown_area_code, about="Where, as far as it is told: a person's county."
    )
    needed_by: date | None
    publish_from: date | None
    publish_until: date | None
    visibility: model.Visibility
    state: model.NeedState
    close_reason: model.CloseReason | None
    provisional: bool
    emergency_phase: EmergencyPhase | None
    confirm_needed: bool
    changed_at: datetime | None = classified(
        model.Need.changed_at,
        allowed=policy.may_read_detail,
        about="A change in the household was told, and nobody has confirmed since that it stands.",
    )
    version: int
    created_at: datetime
    published_at: datetime | None
    closed_at: datetime | None
    coverage: model.Coverage = computed(
        lambda actor, row: queries.named(queries.need_step(row)),
        about="Of all lines together: a complete step holds for every line, a partial for any.",
    )
    open: bool = computed(
        lambda actor, row: queries.need_is_open(row),
        about="Published, and more can be pledged to a line of it.",
    )
    lines: Connection[NeedLine] = to_many(model.NeedLine.need_id, order=Order(("position",)))
    emergency: EmergencyEvent | None = to_one(
        model.Need.emergency_id, about="The event under which it was published."
    )
    publisher: Organization | None = to_one(
        model.Need.publisher_id, allowed=policy.may_read_publisher
    )
    station: Station | None = to_one(model.Need.station_id, allowed=policy.may_read_place)
    area: Area | None = to_one(model.Need.area_code, allowed=_DETAIL)
    household: Household | None = to_one(model.Need.household_id, allowed=_DETAIL)
    recipient: Recipient | None = to_one(model.Need.recipient_id, allowed=_DETAIL)
    consent: Consent | None = to_one(model.Need.consent_id, allowed=_DETAIL)
    owner: Account | None = to_one(model.Need.owner_id, allowed=_DETAIL)
    origin: str | None = classified(model.Need.origin, allowed=_DETAIL)
    internal_description: str | None = classified(model.Need.internal_description, allowed=_TEXT)
    evidence: str | None = classified(model.Need.evidence, allowed=_TEXT)
    reviewed: bool | None = classified(model.Need.reviewed, allowed=_DETAIL)
    approval_cap_fen: Fen | None = classified(model.Need.approval_cap_fen, allowed=_DETAIL)
    state_reason: str | None = classified(model.Need.state_reason, allowed=_TEXT)
    confirm_reason: str | None = classified(model.Need.confirm_reason, allowed=_DETAIL)
    frozen_at: datetime | None = classified(model.Need.frozen_at, allowed=_DETAIL)
    verified_at: datetime | None = classified(model.Need.verified_at, allowed=_DETAIL)
    history: Connection[NeedEvent] | None = to_many(
        Event.object_id, order=Order(("position",)), allowed=_DETAIL
    )


def _category() -> FilterField:
    """The category is one of those given, or a subcategory of one."""
    return FilterField(list[str], Filter(queries.in_category, ARRAY(Text())))


def _kind() -> FilterField:
    """A line asks for one of the kinds."""
    return FilterField(
        list[model.NeedKind],
        Filter(queries.asks_for_kind, ARRAY(Text()), lambda kinds: [kind.value for kind in kinds]),
    )


@query
class NeedQuery:
    needs: Connection[Need] = collection(
        "Need",
        orders={
            "NEWEST": Order(("created_at",), descending=True),
            "PUBLISHED": Order(("listed_at",), descending=True),
            "URGENCY": Order(("urgency", "due_on")),
            "NEEDED_BY": Order(("due_on",)),
        },
        filters={
            "state": any_of(model.Need.state),
            "category": _category(),
            "kind": _kind(),
            "urgency": any_of(model.Need.urgency),
            "subject_kind": any_of(model.Need.subject_kind),
            "visibility": any_of(model.Need.visibility),
            "area": within(model.Need.shown_area_code),
            "needed_by": at_most(model.Need.due_on, date),
            "published_since": at_least(model.Need.listed_at, datetime),
            "open": holds(queries.need_is_open),
            "confirm_needed": holds(lambda row: row.confirm_needed),
            "provisional": holds(lambda row: row.provisional),
            "text": containing(
                model.Need.public_title,
                model.Need.public_summary,
                model.Need.group_name,
                model.Need.no,
            ),
        },
        about="The needs you may see. `category` takes in its subcategories, `area` all below it.",
    )


@subscription
class NeedSubscription:
    need_published: Need = stream(
        heard(Need, "need.published", "need.resumed", "need.visibility_changed"),
        filtered_as=NeedQuery.needs,
        about="A need came into your sight, published or open again, and fits the filter.",
    )


NeedResult = result("Need", Need)
