"""The official schema and the Partnership's validator, without the network."""

import copy
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from jsonschema import FormatChecker
from jsonschema.validators import Draft4Validator
from libcoveocds.api import ocds_json_output
from libcoveocds.config import LibCoveOCDSConfig
from referencing import Registry, Resource

FOLDER = Path(__file__).parent / "schema"
SCHEMAS = {path.name: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}
CLOSED = {
    "releaseTag.csv": ("properties", "tag", "items"),
    "tenderStatus.csv": ("definitions", "Tender", "properties", "status"),
    "method.csv": ("definitions", "Tender", "properties", "procurementMethod"),
    "awardStatus.csv": ("definitions", "Award", "properties", "status"),
    "contractStatus.csv": ("definitions", "Contract", "properties", "status"),
    "milestoneStatus.csv": ("definitions", "Milestone", "properties", "status"),
    "currency.csv": ("definitions", "Value", "properties", "currency"),
    "initiationType.csv": ("properties", "initiationType"),
    "procurementCategory.csv": ("definitions", "Tender", "properties", "mainProcurementCategory"),
}
"""The closed code lists, by where the release schema repeats them."""


def _codes(path: tuple[str, ...]) -> str:
    found = SCHEMAS["release-schema.json"]
    for part in path:
        found = found[part]
    return "".join(f"{code}\n" for code in ["Code", *found["enum"]] if code is not None)


def _standard() -> bytes:
    """The standard's repository, as far as the validator reads it."""
    schemas = copy.deepcopy(SCHEMAS)
    # It would be fetched to be put in its place; nexus publishes no versioned release.
    record = schemas["record-package-schema.json"]["definitions"]["record"]["properties"]
    record["versionedRelease"] = {"type": "object"}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("standard-1__1__5/", "")
        for name, schema in schemas.items():
            archive.writestr(f"standard-1__1__5/schema/{name}", json.dumps(schema))
        for name, path in CLOSED.items():
            archive.writestr(f"standard-1__1__5/schema/codelists/{name}", _codes(path))
    return out.getvalue()


STANDARD = _standard()
REGISTRY: Any = Registry().with_resources(
    (schema["id"], Resource.from_contents(schema)) for schema in SCHEMAS.values()
)


def schema_errors(package: dict[str, Any]) -> list[str]:
    """What the official schema has against the package, dates and addresses included."""
    kind = "record" if "records" in package else "release"
    schema = SCHEMAS[f"{kind}-package-schema.json"]
    validator = Draft4Validator(schema, registry=REGISTRY, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(package)]


def review(package: dict[str, Any]) -> dict[str, Any]:
    """The report of libcoveocds."""
    config = LibCoveOCDSConfig()
    config.config.update(context="api", standard_zip=STANDARD, additional_checks="all")
    found: dict[str, Any] = ocds_json_output(
        json_data=package,
        schema_version="1.1",
        record_pkg="records" in package,
        lib_cove_ocds_config=config,
    )
    return found


def faults(package: dict[str, Any]) -> dict[str, Any]:
    """What of the validator's report is wrong with the data; empty when nothing is."""
    report = review(package)
    names = (
        *("validation_errors", "json_deref_error", "invalid_version_data", "missing_package"),
        *("additional_checks", "conformance_errors", "additional_closed_codelist_values"),
        *("deprecated_fields", "structure_warnings"),
    )
    return {name: report[name] for name in names if report.get(name)}
