"""The reports there are, listed plainly."""

from nexus.reports.asking import Definition
from nexus.reports.defined import (
    charity_contribution,
    contract_performance,
    coordination,
    needs_pipeline,
    station_caseload,
    supervision,
    unmet_needs,
    volunteer_hours,
)

DEFINITIONS: tuple[Definition, ...] = (
    contract_performance.DEFINITION,
    needs_pipeline.DEFINITION,
    unmet_needs.DEFINITION,
    charity_contribution.DEFINITION,
    station_caseload.DEFINITION,
    volunteer_hours.DEFINITION,
    supervision.DEFINITION,
    coordination.DEFINITION,
)
REPORTS = {definition.name: definition for definition in DEFINITIONS}
