"""Rows that are tickets of a hotline: each is one discovery report, however often it comes."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nexus.acting import SHANGHAI
from nexus.areas.queries import resolve_code
from nexus.core.refusals import Forbidden, Invalid
from nexus.core.texts import check_text
from nexus.discovery.intake.operations import Told, record_ticket, supplement_report
from nexus.discovery.model import OPEN, DiscoveryReport
from nexus.discovery.rules import Ticket, check_ticket
from nexus.exchange.importing.model import ExternalRef, ObjectType
from nexus.exchange.importing.parties import Parties
from nexus.exchange.profiles.model import Entry, Profile
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.rules import check_identity

YES = frozenset({"1", "true", "yes", "y", "是", "有", "紧急", "危险"})
NO = frozenset({"", "0", "false", "no", "n", "否", "无"})


@dataclass
class Wanted:
    """A ticket with its codes looked up."""

    ticket: Ticket
    told: Told
    notes: list[str] = field(default_factory=list)

    def parts(self) -> dict[str, Any]:
        """What a ticket is compared by: who called is not, that is the vault's."""
        return {
            "text": self.told.situation,
            "area": self.told.area_code,
            "danger": self.told.danger,
        }


async def read(parties: Parties, profile: Profile, entry: Entry, area: str) -> Wanted:
    """The row's words as codes; UnknownCode with the likely one. Who called is never quoted."""
    if not parties.vouch.actor.covers(area):
        raise Forbidden(
            f"Area {area} is not in the territory of the account that vouches.", field="area"
        )
    origin = await resolve_code(
        parties.act.session, "origin", entry.text("origin") or "12345", field="origin"
    )
    called = {
        name: text
        for name in (IdentityField.NAME, IdentityField.PHONE)
        if (text := entry.text(name.value)) is not None
    }
    checked = check_identity(called) if called else {}
    return Wanted(
        check_ticket(
            entry.text("system") or profile.source,
            entry.text("number") or "",
            entry.text("ticket_type") or profile.type,
        ),
        Told(
            source=origin,
            area_code=area,
            situation=check_text(entry.text("description"), field="description"),
            danger=_danger(entry.text("danger")),
            reporter_name=checked.get(IdentityField.NAME),
            reporter_phone=checked.get(IdentityField.PHONE),
            received_at=_moment(entry.text("received_at")),
        ),
    )


async def create(parties: Parties, wanted: Wanted, ref: ExternalRef, profile: Profile) -> None:
    """Tell of it; a ticket that somebody entered by hand is only remembered."""
    row = await record_ticket(parties.act, wanted.told, wanted.ticket)
    if row.created_at != parties.act.now:
        wanted.notes.append(f"the ticket was here already: {row.no}")
    ref.object_type, ref.object_id = ObjectType.DISCOVERY_REPORT, row.id


async def update(
    parties: Parties, wanted: Wanted, ref: ExternalRef, profile: Profile, changed: list[str]
) -> None:
    """What the hotline says more is added to an open report; nothing said before is lost."""
    row = await parties.act.session.get_one(DiscoveryReport, ref.object_id)
    if "area" in changed:
        wanted.notes.append(f"the ticket names another area now: {row.no} stays where it is")
    if row.state not in OPEN:
        wanted.notes.append(f"{row.no} is {row.state.value} here: what changed was left out")
        return
    said = wanted.told.situation if "text" in changed else None
    await supplement_report(parties.act, row.id, situation=said, danger=wanted.told.danger)


async def withdraw(parties: Parties, ref: ExternalRef) -> None:
    """A hotline's list names what is new: a ticket that is not on it stays."""


def _danger(text: str | None) -> bool:
    word = (text or "").strip().casefold()
    if word not in YES | NO:
        raise Invalid("danger is yes or no: map the source's words in the profile.", field="danger")
    return word in YES


def _moment(text: str | None) -> datetime | None:
    """ISO 8601; without an offset it is of Asia/Shanghai."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        raise Invalid(
            "received_at is no moment: write it as 2026-03-06 17:05.", field="received_at"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
