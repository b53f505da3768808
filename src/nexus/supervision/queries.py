"""Every invariant as a select that returns the rows that break it.

Columns of each: `id` (text), `what` (a sentence), `numbers` (JSON). They read past the policies on
purpose: whoever verifies has the whole database.
"""

from typing import Any

from sqlalchemy import Select

from nexus.supervision.accepting import queries as accepting
from nexus.supervision.authority import queries as authority
from nexus.supervision.buying import queries as buying
from nexus.supervision.evaluating import queries as evaluating
from nexus.supervision.filing import queries as filing
from nexus.supervision.helping import queries as helping
from nexus.supervision.keeping import queries as keeping
from nexus.supervision.ledger import queries as ledger
from nexus.supervision.owing import queries as owing
from nexus.supervision.referring import queries as referring
from nexus.supervision.relaxing import queries as relaxing
from nexus.supervision.reporting import queries as reporting
from nexus.supervision.signing import queries as signing
from nexus.supervision.spending import queries as spending
from nexus.supervision.visiting import queries as visiting
from nexus.supervision.worklists import queries as worklists

CHECKS: dict[str, Select[Any]] = {
    **ledger.CHECKS,
    **accepting.CHECKS,
    **authority.CHECKS,
    **buying.CHECKS,
    **evaluating.CHECKS,
    **filing.CHECKS,
    **helping.CHECKS,
    **keeping.CHECKS,
    **owing.CHECKS,
    **referring.CHECKS,
    **relaxing.CHECKS,
    **reporting.CHECKS,
    **signing.CHECKS,
    **spending.CHECKS,
    **visiting.CHECKS,
    **worklists.CHECKS,
}
