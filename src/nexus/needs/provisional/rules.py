"""When a need may go out before it is verified."""

from nexus.core.refusals import GuardFailed
from nexus.needs.model import PopulationGroup, TemporaryType, Urgency

URGENT = frozenset({Urgency.U1, Urgency.U2})
RULE = "T15c"


def check_urgent(
    urgency: Urgency, group: PopulationGroup | None, kind: TemporaryType | None
) -> None:
    """U1 or U2, of an emergency: expenditure is verified first (T15d)."""
    if urgency not in URGENT:
        raise GuardFailed(
            f"Urgency {urgency.name} waits for verification: only U1 and U2 are helped first.",
            field="urgency",
            rule=RULE,
        )
    if kind is TemporaryType.EXPENDITURE:
        raise GuardFailed(
            "Hardship by expenditure is verified before it is published: submit the need.",
            field="temporaryType",
            rule="T15d",
        )
    if group not in (None, PopulationGroup.EMERGENCY):
        raise GuardFailed(
            f"The need is recorded for population group {group.name if group else ''}: help comes "
            "first in an EMERGENCY only.",
            field="populationGroup",
            rule=RULE,
        )
