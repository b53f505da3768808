"""Opening a case from a verified report."""

from uuid import UUID

from nexus.acting import Act
from nexus.casework.cases.model import Case, CaseType
from nexus.casework.cases.operations import create_case
from nexus.core.refusals import GuardFailed, Invalid
from nexus.discovery import policy, queries
from nexus.discovery.operations import convert_report


async def open_case_from_report(
    act: Act,
    report_id: UUID,
    *,
    expected_version: int,
    household_id: UUID | None = None,
    recipient_id: UUID | None = None,
    worker_id: UUID | None = None,
    case_type: CaseType = CaseType.INDIVIDUAL,
    opening: str | None = None,
) -> Case:
    """The report is converted, and points at its case; what the visit found is the opening.

    The household is the report's unless another is named. One report makes one case; needs may
    be recorded from it as well.
    """
    report = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_convert, report)
    if report.case_id is not None:
        raise GuardFailed("A case was opened from this report already.", rule="INV-21")
    home = household_id or report.household_id
    if home is None:
        raise Invalid(
            "The report names no household: record it, and name it here.", field="householdId"
        )
    await convert_report(act, report_id)
    row = await create_case(
        act,
        household_id=home,
        recipient_id=recipient_id,
        worker_id=worker_id,
        case_type=case_type,
        opening=opening or report.findings or report.situation,
    )
    report.case_id = row.id
    return row
