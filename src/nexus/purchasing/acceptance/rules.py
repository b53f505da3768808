"""What is right for an acceptance: quantities, sums, the sample, and what is taken off."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from typing import Any
from uuid import UUID

from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_text
from nexus.purchasing.acceptance.model import DeductionReason, SampleFinding
from nexus.purchasing.contracts.model import ContractState, MilestoneKind, MilestoneState

LONG_NOTE = 1000
MOST_DOCUMENTS = 50
_SHA256 = re.compile(r"[0-9a-f]{64}")
_IN_FORCE = (ContractState.ACTIVE, ContractState.SUSPENDED)


class MilestoneExceeded(GuardFailed):
    """More is claimed than is left of the milestone; `details.available_fen` says how much is."""

    code = "MILESTONE_EXCEEDED"


class FactsMissing(GuardFailed):
    """More is claimed, or would be accepted, than counted facts come to (INV-28)."""

    code = "FACTS_MISSING"


class SampleOpen(GuardFailed):
    """Facts of the sample wait to be looked at."""

    code = "SAMPLE_OPEN"


@dataclass(frozen=True)
class Claim:
    """So much of an item; all that its free facts come to where no quantity is given."""

    item_id: UUID
    quantity: Decimal | None = None


@dataclass(frozen=True)
class Claims:
    """What is claimed for a milestone. Neither lines nor a sum: all free facts of the period."""

    from_on: date
    until_on: date
    lines: Sequence[Claim] | None = None
    claimed_fen: int | None = None
    documents: Sequence[Mapping[str, Any]] = ()
    note: str | None = None


@dataclass(frozen=True)
class Cut:
    """A deduction as it is given: a quantity of an item, or a sum."""

    reason: DeductionReason
    note: str
    item_id: UUID | None = None
    quantity: Decimal | None = None
    fen: int | None = None


@dataclass(frozen=True)
class Supported:
    """A line when it is decided: what is claimed, and what facts still stand behind it."""

    line_id: UUID
    item_id: UUID
    position: int
    claimed: Decimal
    supported: Decimal
    unit_price_fen: int


@dataclass
class Settled:
    """What a decision comes to."""

    accepted: dict[UUID, Decimal] = field(default_factory=dict)
    """Quantity by line."""
    cuts: list[tuple[Cut, UUID | None, int]] = field(default_factory=list)
    """(deduction, its line, fen)."""
    deduction_fen: int = 0


def value_of(quantity: Decimal, unit_price_fen: int) -> int:
    """Fen, half a fen up, as PostgreSQL rounds."""
    return int((quantity * unit_price_fen).quantize(Decimal(1), ROUND_HALF_UP))


def check_milestone(
    contract: ContractState, state: MilestoneState, kind: MilestoneKind, claims: Claims
) -> None:
    """It may be claimed for, in this way."""
    if contract not in _IN_FORCE:
        raise GuardFailed(
            f"The contract is {contract.value}: nothing is accepted under it.",
            rule="INV-19",
            state=contract.name,
        )
    if state is MilestoneState.MET:
        raise GuardFailed("The milestone is met: claim for the next one.", rule="INV-19")
    if claims.claimed_fen is None:
        return
    if claims.lines:
        raise Invalid("Give lines or claimedFen, not both.", field="claimedFen")
    if kind is MilestoneKind.DELIVERY:
        raise Invalid(
            "A milestone of kind DELIVERY is claimed by quantities: give lines.",
            field="claimedFen",
        )


def check_period(
    from_on: date, until_on: date, *, starts_on: date, ends_on: date, today: date
) -> None:
    """An end-exclusive period within the term that has passed, or ends with today."""
    if not starts_on <= from_on < until_on <= ends_on:
        raise Invalid(
            f"The period is end-exclusive and within the contract's term, {starts_on} to before "
            f"{ends_on}.",
            field="fromOn",
        )
    if until_on > today + timedelta(days=1):
        raise Invalid(
            f"untilOn {until_on} lies ahead: only what was done is accepted.", field="untilOn"
        )


def check_claims(claims: Sequence[Claim]) -> None:
    """Each item once, in quantities of up to three decimals."""
    if len({one.item_id for one in claims}) != len(claims):
        raise Invalid("Name each item once.", field="lines")
    for one in claims:
        if one.quantity is not None:
            check_quantity(one.quantity, field="lines")


def check_quantity(quantity: Decimal, *, field: str) -> Decimal:
    """Above zero, with at most three decimals."""
    exponent = quantity.as_tuple().exponent
    if not quantity.is_finite() or quantity <= 0 or (isinstance(exponent, int) and exponent < -3):
        raise Invalid("A quantity is above zero and has at most three decimals.", field=field)
    return quantity


def check_documents(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Titles that name nobody, with the hash of each paper's bytes."""
    if len(documents) > MOST_DOCUMENTS:
        raise Invalid(f"Name at most {MOST_DOCUMENTS} documents.", field="documents")
    return [
        {
            "title": check_impersonal(
                check_text(one["title"], field="documents", most=200), field="documents"
            ),
            "documentType": check_text(one["document_type"], field="documents", most=100),
            "sha256": _check_hash(one["sha256"]),
        }
        for one in documents
    ]


def _check_hash(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise Invalid("sha256 is 64 hex digits in lower case.", field="documents")
    return text


def check_value(claimed_fen: int, *, value_fen: int, accepted_fen: int) -> int:
    """A sum that the milestone still has room for."""
    left = value_fen - accepted_fen
    if claimed_fen <= 0:
        raise Invalid("claimedFen is above zero.", field="claimedFen")
    if claimed_fen > left:
        raise MilestoneExceeded(
            f"{claimed_fen} fen are claimed, and {left} fen of the milestone are left: claim less "
            "for it, and the rest for a later one.",
            rule="INV-24",
            claimed_fen=claimed_fen,
            available_fen=left,
        )
    return claimed_fen


def pick(
    facts: Sequence[tuple[UUID, Decimal]], wanted: Decimal | None, position: int
) -> tuple[Decimal, Decimal, list[tuple[UUID, Decimal]]]:
    """(claimed, counted, the facts that stand behind it): the earliest that come to it.

    FactsMissing where all together do not.
    """
    picked, counted = [], Decimal(0)
    for fact in facts:
        if wanted is not None and counted >= wanted:
            break
        picked.append(fact)
        counted += fact[1]
    if not picked or (wanted is not None and counted < wanted):
        raise FactsMissing(
            f"Of item {position}, {wanted or 'some'} is claimed and the counted facts of the "
            f"period that stand behind nothing else come to {counted}: claim facts first, or less.",
            rule="INV-28",
            item=position,
            claimed=wanted,
            counted=counted,
        )
    return (counted if wanted is None else wanted), counted, picked


def sample_size(facts: int, *, ratio: Decimal, least: int) -> int:
    """That share of the facts, rounded up, and `least` at least; all where there are fewer."""
    share = int((facts * ratio).to_integral_value(ROUND_CEILING))
    return min(facts, max(share, least))


def check_sample(findings: Sequence[SampleFinding | None]) -> None:
    """Every fact of the sample was looked at."""
    waiting = sum(finding is None for finding in findings)
    if waiting:
        raise SampleOpen(
            f"{waiting} facts of the sample wait to be looked at: checkSample says what was found.",
            rule="INV-28",
            waiting=waiting,
        )


def settle(lines: Sequence[Supported], cuts: Sequence[Cut], claimed_fen: int) -> Settled:
    """What is accepted of each line after the deductions; FactsMissing beyond the facts."""
    by_item = {line.item_id: line for line in lines}
    settled = Settled(accepted={line.line_id: line.claimed for line in lines})
    for cut in cuts:
        line = by_item.get(cut.item_id) if cut.item_id is not None else None
        fen = _fen_of(cut, line)
        settled.cuts.append((cut, line.line_id if line else None, fen))
        settled.deduction_fen += fen
        if line is not None and cut.quantity is not None:
            settled.accepted[line.line_id] -= cut.quantity
    for line in lines:
        _check_supported(line, settled.accepted[line.line_id])
    if settled.deduction_fen >= claimed_fen:
        raise GuardFailed(
            "Nothing would be left of what is claimed: reject it, with a reason.",
            rule="INV-28",
            claimed_fen=claimed_fen,
            deduction_fen=settled.deduction_fen,
        )
    return settled


def _fen_of(cut: Cut, line: Supported | None) -> int:
    if (cut.quantity is None) != (cut.item_id is None) or (cut.quantity is None) == (
        cut.fen is None
    ):
        raise Invalid(
            "A deduction is a quantity of a contract item, or a sum in fen.", field="deductions"
        )
    if cut.fen is not None:
        if cut.fen <= 0:
            raise Invalid("A deduction is above zero.", field="deductions")
        return cut.fen
    if line is None or cut.quantity is None:
        raise Invalid("No line of this acceptance is of that contract item.", field="deductions")
    return max(1, value_of(check_quantity(cut.quantity, field="deductions"), line.unit_price_fen))


def _check_supported(line: Supported, accepted: Decimal) -> None:
    if accepted < 0:
        raise Invalid(
            f"More is taken off item {line.position} than is claimed of it.", field="deductions"
        )
    if accepted > line.supported:
        raise FactsMissing(
            f"Of item {line.position}, {accepted} would be accepted and the facts behind it come "
            f"to {line.supported}: deduct the difference, with its reason.",
            rule="INV-28",
            item=line.position,
            accepted=accepted,
            counted=line.supported,
        )


def check_note(note: str | None) -> str | None:
    """A note that names nobody, or none."""
    if note is None:
        return None
    return check_impersonal(check_text(note, field="note", most=LONG_NOTE), field="note")
