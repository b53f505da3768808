"""Faults of open contracting data."""

from collections.abc import Sequence

_PROCESS = (
    "INSERT INTO contracting_process (id, source, ocid, compiled, documents, findings, "
    "changed_at, version) VALUES (gen_random_uuid(), 'x', 'ocds-213czf-1', '{}', 2, 0, now(), 1)"
)
_DOCUMENT = (
    "INSERT INTO contracting_document (id, source, kind, ocid, release_no, released_at, tags, "
    "digest, original, position, first_seen_at) VALUES (gen_random_uuid(), 'nexus', 'release', "
    "'ocds-213czf-1', '{no}', now() - interval '{ago} days', '{{}}', '{no}', '{{}}', {no}, now())"
)
CONTRACTING: dict[str, Sequence[str]] = {
    "INV-40 contracting data are counted": (_PROCESS,),
    "INV-40 contracting data are compiled": (_DOCUMENT.format(no=1, ago=1),),
    "INV-40 published releases follow one another": (
        _DOCUMENT.format(no=1, ago=1),
        _DOCUMENT.format(no=2, ago=2),
    ),
}
