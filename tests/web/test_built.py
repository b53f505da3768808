"""What is built: small enough for a cheap phone, typed, and in step with the schema."""

import gzip
import json
import re
from pathlib import Path

import pytest
from graphql import parse, validate

from nexus.graph.trusted import document_id, read_manifest
from nexus.matching.worklist.policy import KINDS
from nexus.schema import make_schema
from tests.web.building import ROOT, WEB, run_node

ENTRY, LAZY, STYLE = 40_000, 20_000, 10_000
"""Bytes of gzip."""
WORDS = {one: WEB / "src/words" / f"{one}.json" for one in ("zh-CN", "zh-Hant", "en")}


def _packed(path: Path) -> int:
    return len(gzip.compress(path.read_bytes(), 9))


def test_it_fits_a_cheap_phone(site: Path) -> None:
    """The entry is its script and all that is fetched before it runs."""
    page = (site / "index.html").read_text("utf-8")
    first = re.findall(r'(?:src|href)="/station/(.+?\.js)"', page)
    entry = {site / name for name in first}
    for name in first:
        told = (site / name).read_text("utf-8")
        entry |= {site / "assets" / one for one in re.findall(r'from"\./(.+?\.js)"', told)}
    assert sum(map(_packed, entry)) <= ENTRY
    lazy = set((site / "assets").glob("*.js")) - entry
    assert {path.name: _packed(path) for path in lazy if _packed(path) > LAZY} == {}
    assert sum(map(_packed, (site / "assets").glob("*.css"))) <= STYLE
    assert not list(site.rglob("*.woff*"))


def test_the_code_is_typed() -> None:
    assert run_node("node_modules/typescript/bin/tsc", "--noEmit") == ""


def test_the_documents_are_those_of_the_schema() -> None:
    """Every document is valid, and the server's manifest is what the client was built from."""
    schema = make_schema()._schema
    typed = (WEB / "src/gql/persisted-documents.json").read_text("utf-8")
    manifest = read_manifest((ROOT / "src/nexus/documents.json").read_text("utf-8"))
    assert manifest == json.loads(typed), "run: make documents"
    wrong = {text: validate(schema, parse(text)) for text in manifest.values()}
    assert {text: errors for text, errors in wrong.items() if errors} == {}
    assert all(document_id(text) == known for known, text in manifest.items())


def test_the_types_are_those_of_the_schema(tmp_path: Path) -> None:
    schema, typed = tmp_path / "schema.graphql", tmp_path / "gql"
    schema.write_text(make_schema().as_str(), "utf-8")
    given = {"NEXUS_SCHEMA": str(schema), "NEXUS_GQL": f"{typed}/"}
    codegen = "node_modules/@graphql-codegen/cli/esm/bin.js"
    run_node(codegen, "--config", "codegen.ts", **given)
    for path in sorted((WEB / "src/gql").iterdir()):
        assert (typed / path.name).read_text("utf-8") == path.read_text("utf-8"), (
            "run: make schema, then make documents"
        )


def test_the_three_languages_have_the_same_words() -> None:
    keys = {one: list(json.loads(path.read_text("utf-8"))) for one, path in WORDS.items()}
    assert keys["zh-Hant"] == keys["zh-CN"]
    assert keys["en"] == keys["zh-CN"]


def test_no_word_loses_a_value_in_translation() -> None:
    catalogs = {one: json.loads(path.read_text("utf-8")) for one, path in WORDS.items()}
    for key, text in catalogs["zh-CN"].items():
        values = set(re.findall(r"\{\w+\}", text))
        for one in ("zh-Hant", "en"):
            assert set(re.findall(r"\{\w+\}", catalogs[one][key])) == values, (one, key)


@pytest.mark.parametrize("family", ["kind", "kindShort"])
def test_every_kind_of_work_has_a_word(family: str) -> None:
    """A new kind of work is said in all three languages: web/src/words/."""
    words = json.loads(WORDS["zh-CN"].read_text("utf-8"))
    assert [kind for kind in KINDS if f"{family}.{kind}" not in words] == []


def test_every_deed_of_the_client_has_a_word() -> None:
    words = json.loads(WORDS["zh-CN"].read_text("utf-8"))
    source = (WEB / "src/documents/deeds.graphql").read_text("utf-8")
    deeds = re.findall(r"^mutation (\w+)", source, re.M)
    assert deeds
    assert [deed for deed in deeds if f"deed.{deed}" not in words] == []
