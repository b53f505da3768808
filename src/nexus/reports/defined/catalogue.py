"""The reports there are, listed plainly."""

from nexus.reports.asking import Definition
from nexus.reports.defined import contract_performance, needs_pipeline, unmet_needs

DEFINITIONS: tuple[Definition, ...] = (
    contract_performance.DEFINITION,
    needs_pipeline.DEFINITION,
    unmet_needs.DEFINITION,
)
REPORTS = {definition.name: definition for definition in DEFINITIONS}
