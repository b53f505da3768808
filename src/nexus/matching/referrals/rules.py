"""What is right for a referral: pure checks."""

from collections.abc import Collection, Sequence
from datetime import date
from enum import StrEnum
from typing import Any

from nexus.core.personal_data import find_personal_data
from nexus.core.refusals import ConsentMissing, GuardFailed, Invalid
from nexus.matching.referrals.model import OPEN, ReferralDirection, ReferralState
from nexus.needs.model import NeedState, Urgency

D1 = "D1"
NEVER_SHARED = frozenset({"D7", "D8"})
"""A protected address and case notes never leave the territory's scope (INV-13)."""
REFERABLE = (NeedState.VERIFIED, NeedState.PUBLISHED)
"""A need that somebody verified, or that is out provisionally (T15c)."""
PARENT_GOES_ON = (*OPEN, ReferralState.COMPLETED)
"""States of a parent in which its child may advance (INV-19)."""
HELPED = ("got_help", "partly_helped")
"""Outcomes that a delivery has to show where the acceptance reserved something."""
BEYOND_THE_BORDER = ("81", "82")
"""Hong Kong and Macao (GB/T 2260)."""
COUNTY_DIGITS = 6
LONGEST = 2000
ACK_CLOCK = {
    Urgency.U1: "referral_ack_u1_hours",
    Urgency.U2: "referral_ack_u2_hours",
    Urgency.U3: "referral_ack_u3_working_days",
    Urgency.U4: "referral_ack_u4_working_days",
}
OUTCOME_CLOCK = "referral_outcome_days"
EXPIRY_CLOCK = "referral_expiry_working_days"
"""Parameters (domain.md 10)."""


class Side(StrEnum):
    """What a party to a referral is."""

    GOV = "gov"
    STATION = "station"
    CHARITY = "charity"


class AlreadyReferred(GuardFailed):
    """The line is with this receiver already (INV-08)."""

    code = "ALREADY_REFERRED"


class ReceiverInactive(GuardFailed):
    """The receiver is not verified, or its station not open."""

    code = "RECEIVER_INACTIVE"


class ParentEnded(GuardFailed):
    """The referral it was sent onward from does not go on (INV-19)."""

    code = "PARENT_ENDED"


class DeliveryMissing(GuardFailed):
    """Help is claimed, but nothing of what was reserved was delivered."""

    code = "DELIVERY_MISSING"


def direction(sender: Side, receiver: Side, from_area: str, to_area: str) -> ReferralDirection:
    """Between whom. Authorities and stations of two counties: across areas."""
    if to_area[:2] in BEYOND_THE_BORDER and from_area[:2] not in BEYOND_THE_BORDER:
        return ReferralDirection.CROSS_BORDER
    public = Side.CHARITY not in (sender, receiver)
    if public and not _same_county(from_area, to_area):
        return ReferralDirection.CROSS_AREA
    target = "dept" if public and receiver is Side.GOV else receiver.value
    return ReferralDirection(f"{sender.value}_to_{target}")


def _same_county(one: str, other: str) -> bool:
    short, long = sorted((one[:COUNTY_DIGITS], other[:COUNTY_DIGITS]), key=len)
    return long.startswith(short) or short == "CN"


def check_classes(given: Collection[str], *, about_group: bool) -> list[str]:
    """The declared package: sorted, always with D1; D7 and D8 never (INV-13)."""
    declared = sorted({D1, *given})
    if refused := sorted(NEVER_SHARED.intersection(declared)):
        raise GuardFailed(
            f"{', '.join(refused)} never leave the territory: take them out of dataClasses.",
            field="dataClasses",
            rule="INV-13",
        )
    if about_group and declared != [D1]:
        raise Invalid("A group's need has no personal data: declare D1 only.", field="dataClasses")
    return declared


def check_onward_classes(declared: Sequence[str], parents: Collection[str]) -> None:
    """A child goes no further than its parent (INV-19)."""
    beyond = sorted(set(declared) - set(parents))
    if beyond:
        raise GuardFailed(
            f"{', '.join(beyond)} are not in the package you received: you cannot pass on more.",
            field="dataClasses",
            rule="INV-19",
            received=sorted(parents),
        )


def check_ground(missing: Sequence[str], receiver: str) -> None:
    """ConsentMissing, with the classes that neither consent nor legal basis covers (INV-11)."""
    if missing:
        raise ConsentMissing(
            f"No live consent to REF covers {', '.join(missing)} for {receiver}: ask the person, "
            "or declare fewer classes.",
            rule="INV-11",
            missing=list(missing),
        )


def check_parent(parent: Any) -> None:
    """ParentEnded unless the parent goes on, or there is none."""
    if parent is not None and parent.state not in PARENT_GOES_ON:
        raise ParentEnded(
            f"The referral that this one was sent onward from is {parent.state.name}: "
            "it has to go on first.",
            rule="INV-19",
            parent_state=parent.state.name,
        )


def check_need(need: Any) -> None:
    """GuardFailed unless the need is verified or published, and not frozen."""
    if need.state not in REFERABLE:
        raise GuardFailed(
            f"The need is {need.state.name}: refer a verified or published one.",
            rule="need_referable",
        )
    if need.confirm_needed:
        raise GuardFailed(
            "The need is frozen: its station has to confirm first that it still stands.",
            rule="confirm_needed",
        )


def check_planned(planned_on: date, today: date) -> None:
    """The planned date is not past."""
    if planned_on < today:
        raise Invalid(
            f"plannedOn {planned_on} is past: say when the help will come.", field="plannedOn"
        )


def check_contacted(contacted_on: date, completed_on: date, today: date) -> None:
    """The client was asked after the completion, and not in the future."""
    if not completed_on <= contacted_on <= today:
        raise Invalid(
            f"contactedOn lies between {completed_on}, the completion, and today: "
            "ask the client what became of it, then confirm.",
            field="contactedOn",
        )


def clean(text: str | None, *, field: str) -> str | None:
    """The text trimmed, or null. It reaches another organization: no personal data (INV-13)."""
    said = (text or "").strip()
    if len(said) > LONGEST:
        raise Invalid(f"{field} has more than {LONGEST} characters.", field=field)
    kinds = sorted({one.kind.value for one in find_personal_data(said)})
    if kinds:
        raise GuardFailed(
            f"{field} contains {', '.join(kinds)}: identity goes through the data package only.",
            field=field,
            rule="INV-13",
            kinds=kinds,
        )
    return said or None
