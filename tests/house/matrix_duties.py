"""What is owed in one place, and what its authorities should look at."""

from datetime import timedelta

from nexus.obligations.model import Obligation, ObligationKind
from nexus.supervision.alerts.model import Alert, AlertClass, Severity, Stage
from tests.house.matrix_world import Place, kind_of
from tests.making import Maker, now, number


async def owe(m: Maker, place: Place) -> None:
    """What the charity owes about a consent, what the authority owes about a need; an alert."""
    charity, authority = place.charity, place.authority
    for key, owner, kind, subject in (
        ("Obligation", charity, ObligationKind.STOP_PROCESSING, "Consent"),
        ("Obligation[authority]", authority, ObligationKind.REVIEW, "Need"),
        ("Obligation/pledge", authority, ObligationKind.REVIEW, "Pledge"),
        ("Obligation/project", charity, ObligationKind.DISCLOSURE, "CharityProject"),
        ("Obligation/party", place["Organization"], ObligationKind.RECTIFICATION, "Organization"),
    ):
        row = place[subject]
        place.rows[key] = obligation = Obligation(
            no=number("OB"),
            kind=kind,
            subject_type=row.__tablename__,
            subject_id=row.id,
            organization_id=owner.id,
            area_code=place.town,
            due_at=now() + timedelta(days=3),
            rule="withdrawal_acknowledgement_working_days@CN/2020-01-01",
            details={"needs": [place.says(f"{kind_of(key)}.details")]},
            created_at=now(),
            created_by=place.clerk.id,
        )
        await m.put(obligation)
    place.rows["Alert"] = alert = Alert(
        no=number("AL"),
        rule="obligation.overdue",
        rule_version=1,
        kind=AlertClass.LAPSE,
        stage=Stage.IN,
        severity=Severity.MAJOR,
        subject_type="obligation",
        subject_id=place["Obligation"].id,
        evidence={"obligation": place.says("Alert.evidence")},
        area_code=place.town,
        owner_id=place.clerk.id,
        due_at=now() + timedelta(days=3),
        state_reason=place.says("Alert.stateReason"),
        opened_at=now(),
    )
    await m.put(alert)
