"""Faults of evaluations, planted where one stands without any: by the template's scheme."""

import hashlib
from collections.abc import Sequence

_TABLES = (
    *("evaluation_scheme", "scheme_body", "scheme_grade", "scheme_indicator", "evaluation"),
    *("evaluation_score", "evaluation_sample", "sample_item", "supplier_standing"),
)
_ID = "00000000-0000-0000-0000-0000000000{}"
_TEMPLATE = "01900000-0000-7000-8000-000000000025"
_MADE, _SAMPLE, _BUYER, _SUPPLIER, _THIRD = (_ID.format(f"e{n}") for n in range(1, 6))
_PLANNER, _FINISHER, _RELEASER = (_ID.format(f"a{n}") for n in range(1, 4))
_FRAME = tuple(_ID.format(f"f{n}") for n in range(4))
_SEED = "7" * 32
_DRAWN = sorted(_FRAME, key=lambda key: hashlib.sha256(f"{_SEED}:{key}".encode()).digest())[:2]


def _sha(plain: str) -> str:
    return hashlib.sha256(plain.encode()).hexdigest()


EVALUATED = (
    "DO $$ DECLARE one record; BEGIN FOR one IN SELECT conrelid::regclass AS held, conname "
    "FROM pg_constraint WHERE contype IN ('f', 'c') AND conrelid::regclass::text = ANY "
    f"('{{{', '.join(_TABLES)}}}') LOOP "
    "EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.held, one.conname); "
    "END LOOP; END $$",
    *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in _TABLES),
    "INSERT INTO evaluation (id, no, contract_id, buyer_id, supplier_id, evaluator_id, area_code, "
    "scheme_id, from_on, until_on, independence_months, independence_rule, planned_by, report, "
    "drafted_at, response_due_at, response_rule, earlier_responses, total, body_scores, grade, "
    "effect, scheme_version, finalized_at, finalized_by, published_at, published_by, state, "
    f"version, created_at) VALUES ('{_MADE}', 'EV-1', '{_ID.format('c1')}', '{_BUYER}', "
    f"'{_SUPPLIER}', '{_THIRD}', '440103', '{_TEMPLATE}', '2026-01-01', '2026-06-01', 24, 'r', "
    f"'{_PLANNER}', 't', now(), now() - interval '1 day', 'r', '[]', 82, "
    '\'{"third_party": "80.00", "buyer": "80.00", "client": "86.67"}\', '
    f"'good', 'normal', 'SERVICE/1', now(), '{_FINISHER}', now(), '{_RELEASER}', 'published', 1, "
    "now())",
    "INSERT INTO evaluation_score (id, evaluation_id, indicator_id, body, score, evidence, "
    f"fact_ids, scored_at, scored_by) SELECT gen_random_uuid(), '{_MADE}', id, body, "
    "CASE body WHEN 'client' THEN 86.67 ELSE 80 END, 'e', '{}', now(), "
    f"'{_PLANNER}' FROM scheme_indicator, unnest(bodies) AS body WHERE scheme_id = '{_TEMPLATE}'",
    "INSERT INTO evaluation_sample (id, evaluation_id, evaluator_id, size, frame, frame_hash, "
    "commitment, seed, committed_at, committed_by, drawn_at, drawn_by, state, version) VALUES "
    f"('{_SAMPLE}', '{_MADE}', '{_THIRD}', 2, '{{{', '.join(_FRAME)}}}', "
    f"'{_sha(chr(10).join(_FRAME))}', '{_sha(_SEED)}', '{_SEED}', now(), '{_PLANNER}', now(), "
    f"'{_PLANNER}', 'drawn', 1)",
    "INSERT INTO sample_item (id, sample_id, position, fact_id) VALUES "
    f"(gen_random_uuid(), '{_SAMPLE}', 1, '{_DRAWN[0]}'), "
    f"(gen_random_uuid(), '{_SAMPLE}', 2, '{_DRAWN[1]}')",
    "INSERT INTO supplier_standing (id, supplier_id, buyer_id, area_code, year, effect, grade, "
    "source_type, source_id, recorded_at, recorded_by) VALUES (gen_random_uuid(), "
    f"'{_SUPPLIER}', '{_BUYER}', '440103', 2027, 'normal', 'good', 'evaluation', '{_MADE}', "
    f"now(), '{_RELEASER}')",
)
"""80 of the evaluator and the buyer, 86.67 of the clients: 82.00, good."""

EVALUATING: dict[str, Sequence[str]] = {
    "INV-18 a third party evaluates": (*EVALUATED, "UPDATE evaluation SET evaluator_id = buyer_id"),
    "INV-19 supplier could answer": (
        *EVALUATED,
        "UPDATE evaluation SET response_due_at = now() + interval '1 day'",
    ),
    "INV-21 standing follows the grade": (
        *EVALUATED,
        "UPDATE supplier_standing SET effect = 'priority'",
    ),
    "INV-29 weights sum to 100": (
        *EVALUATED,
        "UPDATE scheme_indicator SET weight = 34 WHERE code = 'O3'",
    ),
    "INV-29 scores are of the scheme": (
        *EVALUATED,
        "UPDATE evaluation_score SET body = 'committee' WHERE body = 'client'",
    ),
    "INV-29 grade is reckoned": (
        *EVALUATED,
        "UPDATE evaluation_score SET score = 79.95 WHERE body = 'buyer'",
    ),
    "INV-29 samples are drawn again": (
        *EVALUATED,
        "UPDATE sample_item SET fact_id = gen_random_uuid() WHERE position = 2",
    ),
}
