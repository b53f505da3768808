"""Recording and changing needs through the graph."""

from datetime import date
from decimal import Decimal
from typing import Any

import strawberry
from strawberry import UNSET

from nexus.core.refusals import Invalid
from nexus.graph.declare import Fen, mutation
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import camel
from nexus.needs import model, rules
from nexus.needs.drafts import operations
from nexus.needs.graphql import NeedResult

_POINTERS = {"consent_id": "Consent", "station_id": "Station", "owner_id": "Account"}
_SOURCES = {
    "publisher_id": "Organization",
    "discovery_report_id": "DiscoveryReport",
    "case_id": "Case",
}
_SUBJECTS = {"recipient_id": "Recipient", "household_id": "Household"}
_NEVER_EMPTY = (
    "area_code",
    "origin",
    "category",
    "urgency",
    "group_name",
    "visibility",
    "owner_id",
)


@strawberry.input
class NeedLineInput:
    """One kind of help. Without `quantityRequired` it is open-ended; 0 is no need."""

    kind: model.NeedKind
    item: str
    item_code: str | None = None
    quantity_required: Decimal | None = None
    unit: str | None = strawberry.field(
        default=None, description="A code of the list `unit`; by kind: piece, service, hour, yuan."
    )
    specification: str | None = None
    est_unit_value_fen: Fen | None = None
    tranche_no: int = 1


@strawberry.input
class CreateNeedInput:
    """One subject: a recipient, a household or a group. Codes are those of `codeEntries`."""

    subject_kind: model.SubjectKind
    recipient_id: strawberry.ID | None = None
    household_id: strawberry.ID | None = None
    group_name: str | None = None
    area_code: str
    shown_area_code: str | None = None
    origin: str
    category: str
    urgency: model.Urgency
    lines: list[NeedLineInput]
    population_group: model.PopulationGroup | None = None
    temporary_type: model.TemporaryType | None = None
    internal_description: str | None = None
    public_title: str | None = None
    public_summary: str | None = None
    needed_by: date | None = None
    publish_from: date | None = None
    publish_until: date | None = None
    visibility: model.Visibility = model.Visibility.PARTNERS
    consent_id: strawberry.ID | None = None
    station_id: strawberry.ID | None = None
    owner_id: strawberry.ID | None = None
    publisher_id: strawberry.ID | None = None
    discovery_report_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The verified report that the need comes from; it is converted by this.",
    )
    case_id: strawberry.ID | None = strawberry.field(
        default=None, description="The open case that the need is part of."
    )
    idempotency_key: str


@mutation(NeedResult)
async def create_need(act, input: CreateNeedInput):  # type: ignore[no-untyped-def]
    """Record a need as a draft. You own it unless you name another; the publisher is your
    organization if it is an authority."""
    given = vars(input) | {"lines": [_line(line) for line in input.lines]}
    del given["idempotency_key"]
    for name, target in {**_POINTERS, **_SUBJECTS, **_SOURCES}.items():
        given[name] = decode_given(given[name], target)
    if given["owner_id"] is None:
        del given["owner_id"]
    return await operations.create_need(act, **given)


@strawberry.input
class UpdateNeedInput:
    """What is left out stays. `lines`, if given, replace all lines."""

    id: strawberry.ID
    expected_version: int
    area_code: str | None = UNSET
    shown_area_code: str | None = UNSET
    origin: str | None = UNSET
    category: str | None = UNSET
    urgency: model.Urgency | None = UNSET
    group_name: str | None = UNSET
    population_group: model.PopulationGroup | None = UNSET
    temporary_type: model.TemporaryType | None = UNSET
    internal_description: str | None = UNSET
    public_title: str | None = UNSET
    public_summary: str | None = UNSET
    needed_by: date | None = UNSET
    publish_from: date | None = UNSET
    publish_until: date | None = UNSET
    visibility: model.Visibility | None = UNSET
    consent_id: strawberry.ID | None = UNSET
    station_id: strawberry.ID | None = UNSET
    owner_id: strawberry.ID | None = UNSET
    lines: list[NeedLineInput] | None = UNSET
    idempotency_key: str


@mutation(NeedResult)
async def update_need(act, input: UpdateNeedInput):  # type: ignore[no-untyped-def]
    """Change a draft or a returned need."""
    given = {name: value for name, value in vars(input).items() if value is not UNSET}
    for name in ("id", "expected_version", "idempotency_key"):
        del given[name]
    lines = given.pop("lines", None)
    return await operations.update_need(
        act,
        decode(input.id, "Need"),
        expected_version=input.expected_version,
        lines=[_line(line) for line in lines] if lines is not None else None,
        **_changes(given),
    )


@strawberry.input
class AddNeedLineInput:
    id: strawberry.ID
    expected_version: int
    line: NeedLineInput
    idempotency_key: str


@mutation(NeedResult)
async def add_need_line(act, input: AddNeedLineInput):  # type: ignore[no-untyped-def]
    """One more line, after the others."""
    return await operations.add_need_line(
        act,
        decode(input.id, "Need"),
        expected_version=input.expected_version,
        line=_line(input.line),
    )


@strawberry.input
class RemoveNeedLineInput:
    line_id: strawberry.ID
    expected_version: int = strawberry.field(description="Of the need.")
    idempotency_key: str


@mutation(NeedResult)
async def remove_need_line(act, input: RemoveNeedLineInput):  # type: ignore[no-untyped-def]
    """Take a line out; a need keeps at least one."""
    return await operations.remove_need_line(
        act, decode(input.line_id, "NeedLine"), expected_version=input.expected_version
    )


def _line(given: NeedLineInput) -> rules.LineInput:
    return rules.LineInput(**vars(given))


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    for name in _NEVER_EMPTY:
        if name in given and given[name] is None:
            raise Invalid(
                f"{camel(name)} cannot be empty: leave it out to keep it.", field=camel(name)
            )
    for name, target in _POINTERS.items():
        if given.get(name) is not None:
            given[name] = decode(given[name], target)
    return given
