"""Every invariant that `nexus verify` recomputes: the checks of all slices, listed plainly."""

from typing import Any

from sqlalchemy import Select

from nexus.exchange.messages.proving import queries as proving
from nexus.exchange.ocds.proving import queries as contracting
from nexus.supervision import queries as supervision

CHECKS: dict[str, Select[Any]] = {**supervision.CHECKS, **proving.CHECKS, **contracting.CHECKS}
