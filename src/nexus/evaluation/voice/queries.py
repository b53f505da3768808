"""Who was asked and what they answered."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Numeric, Select, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, Actor
from nexus.evaluation.sampling.queries import drawn_facts
from nexus.evaluation.voice import policy, rules
from nexus.evaluation.voice.model import ClientFeedback, VoiceState, VoiceWay
from nexus.purchasing.facts.model import ServiceFact
from nexus.recipients.model import Consent, Recipient
from nexus.recipients.queries import consent_allows


@dataclass(frozen=True, slots=True)
class Heard:
    """How many were asked, how many answered, and the mean of what they said."""

    asked: int
    answered: int
    mean: Decimal | None


async def take(act: Act, row_id: UUID, expected_version: int | None = None) -> ClientFeedback:
    """The feedback, visible and locked."""
    return await act.take(
        ClientFeedback, row_id, visible=policy.visible, expected_version=expected_version
    )


async def heard(session: AsyncSession, evaluation_id: UUID) -> Heard:
    """The follow-ups of the evaluation."""
    row = ClientFeedback
    found = await session.execute(
        select(func.count(), func.count(row.satisfaction), func.avg(row.satisfaction)).where(
            row.evaluation_id == evaluation_id
        )
    )
    asked, answered, mean = found.one()
    return Heard(asked, answered, None if mean is None else Decimal(mean))


async def was_asked(session: AsyncSession, fact_id: UUID, way: VoiceWay) -> bool:
    """Whether there is a row of that way about the fact."""
    row = ClientFeedback
    asked = exists().where(row.fact_id == fact_id, row.way == way)
    return bool(await session.scalar(select(asked)))


async def to_be_asked(
    session: AsyncSession, evaluation_id: UUID, receiver_id: UUID, now: datetime
) -> list[tuple[ServiceFact, UUID]]:
    """Drawn facts whose client agreed to be asked by the receiver and was not, with the consent."""
    row, person, consent = ClientFeedback, aliased(Recipient), aliased(Consent)
    chosen = drawn_facts(evaluation_id)
    agreed = (
        select(consent.id)
        .join(person, person.id == consent.recipient_id)
        .where(
            person.household_id == ServiceFact.household_id,
            allows(consent.id, receiver_id, now),
        )
        .order_by(consent.id)
        .limit(1)
        .correlate(ServiceFact)
        .scalar_subquery()
    )
    asked = exists().where(row.fact_id == ServiceFact.id, row.way == VoiceWay.FOLLOW_UP)
    found = await session.execute(chosen.add_columns(agreed).where(~asked, agreed.is_not(None)))
    return [(fact, consent_id) for fact, consent_id in found]


def allows(consent_id: Any, receiver_id: Any, now: Any) -> ColumnElement[bool]:
    """SQL: the consent stands for an interview by the receiver (INV-11)."""
    return consent_allows(
        consent_id,
        purpose=rules.PURPOSE,
        data_class=rules.DATA_CLASS,
        receiver_id=receiver_id,
        now=now,
    )


async def stands(session: AsyncSession, consent_id: UUID, receiver_id: UUID, now: datetime) -> bool:
    """Whether the client may still be asked."""
    return bool(await session.scalar(select(allows(consent_id, receiver_id, now))))


def voices(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """Of a contract: by way, how many were asked and answered, and how satisfied they are."""
    said = aliased(ClientFeedback)
    answered = func.count(said.satisfaction)
    chosen = (
        select(
            func.upper(said.way).label("way"),
            func.count().label("asked"),
            answered.label("answered"),
            func.count(case((said.state == VoiceState.DECLINED, 1))).label("declined"),
            func.round(100.0 * answered / func.count(), 1, type_=Numeric()).label(
                "response_percent"
            ),
            func.round(func.avg(said.satisfaction), 2, type_=Numeric()).label("mean"),
        )
        .where(said.contract_id == row.id)
        .group_by(said.way)
        .order_by(said.way)
    )
    return chosen.limit(limit)
