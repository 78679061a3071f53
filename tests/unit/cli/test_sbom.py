"""The bill of materials: what CycloneDX 1.6 asks for, of the lock file that is really installed; and what advisories say of it."""

import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from actors.cli.advisories import audit, read_advisories
from actors.cli.bill import Pin, Unreadable, bill, installed, read_lock
from actors.cli.main import app

LOCK = Path(__file__).parents[3] / "requirements.lock"
PURL = r"^pkg:pypi/[a-z0-9-]+@[^/?#@]+$"
# The parts of the specification's schema (bom-1.6) that this document uses, with what is required in each.
LICENCES = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "oneOf": [
            {
                "required": ["expression"],
                "properties": {"expression": {"type": "string", "minLength": 1}},
                "additionalProperties": False,
            },
            {
                "required": ["license"],
                "properties": {
                    "license": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string", "minLength": 1}},
                    }
                },
                "additionalProperties": False,
            },
        ],
    },
}
COMPONENT = {
    "type": "object",
    "required": ["type", "name"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["application", "library"]},
        "bom-ref": {"type": "string", "minLength": 1},
        "name": {"type": "string", "minLength": 1},
        "version": {"type": "string", "maxLength": 1024},
        "scope": {"enum": ["required", "optional", "excluded"]},
        "purl": {"type": "string", "pattern": PURL},
        "licenses": LICENCES,
        "hashes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["alg", "content"],
                "additionalProperties": False,
                "properties": {"alg": {"const": "SHA-256"}, "content": {"pattern": "^[a-f0-9]{64}$"}},
            },
        },
        "properties": {
            "type": "array",
            "items": {"type": "object", "required": ["name", "value"], "additionalProperties": {"type": "string"}},
        },
    },
}
SCHEMA = {
    "type": "object",
    "required": ["bomFormat", "specVersion", "serialNumber", "version", "metadata", "components", "dependencies"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "http://cyclonedx.org/schema/bom-1.6.schema.json"},
        "bomFormat": {"const": "CycloneDX"},
        "specVersion": {"const": "1.6"},
        "serialNumber": {"pattern": "^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"},
        "version": {"type": "integer", "minimum": 1},
        "metadata": {
            "type": "object",
            "required": ["timestamp", "component"],
            "properties": {
                "timestamp": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
                "tools": {"type": "object", "required": ["components"]},
                "component": COMPONENT,
            },
        },
        "components": {"type": "array", "uniqueItems": True, "items": COMPONENT},
        "dependencies": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "required": ["ref"],
                "properties": {"ref": {"type": "string"}, "dependsOn": {"type": "array", "uniqueItems": True}},
            },
        },
        "vulnerabilities": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "affects"],
                "properties": {
                    "affects": {"items": {"required": ["ref"]}},
                    "references": {"items": {"required": ["id", "source"]}},
                },
            },
        },
    },
}


def run(*words):
    return CliRunner().invoke(app, ["sbom", *map(str, words)], catch_exceptions=False)


@pytest.fixture(scope="module")
def document():
    done = run("--lock", LOCK)
    assert done.exit_code == 0
    assert "no database of advisories was given" in done.stderr
    return json.loads(done.stdout)


def test_it_has_what_the_specification_asks_for(document):
    jsonschema.validate(document, SCHEMA, jsonschema.Draft7Validator)
    refs = [one["bom-ref"] for one in document["components"]] + [document["metadata"]["component"]["bom-ref"]]
    assert len(set(refs)) == len(refs)
    assert sorted(one["ref"] for one in document["dependencies"]) == sorted(refs)
    assert {other for one in document["dependencies"] for other in one["dependsOn"]} <= set(refs)


def test_every_locked_package_is_in_it_with_all_its_hashes(document):
    text = LOCK.read_text()
    assert sum(len(one["hashes"]) for one in document["components"]) == text.count("--hash=sha256:")
    assert len(document["components"]) == sum(line[:1].isalnum() for line in text.splitlines())
    assert all(one["hashes"] for one in document["components"])


def test_it_tells_licences_and_who_needs_what(document):
    by_name = {one["name"]: one for one in document["components"]}
    assert by_name["ray"]["licenses"]
    assert sum("licenses" in one for one in document["components"]) > 0.9 * len(by_name)
    assert {name for name in ("ray", "redis", "cryptography", "hiredis", "cffi") if by_name[name]["scope"] == "required"} == {
        "ray",
        "redis",
        "cryptography",
        "hiredis",
        "cffi",
    }
    assert {by_name[name]["scope"] for name in ("pytest", "mypy", "hypothesis")} == {"excluded"}
    needs = {one["ref"].split("/")[1].split("@")[0]: one["dependsOn"] for one in document["dependencies"]}
    assert by_name["cffi"]["purl"] in needs["cryptography"]
    assert by_name["ray"]["purl"] in needs["trunkline"]


def test_the_same_lock_gives_the_same_bill(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first, second = run("--lock", LOCK).stdout, run("--lock", LOCK).stdout
    assert first == second
    assert json.loads(first)["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_a_package_in_two_versions_is_two_components():
    pins = [Pin("a", "1", "python_version < '3.12'", ("0" * 64,)), Pin("a", "2", "", ("1" * 64,))]
    made = bill(pins, {}, version="1", made_at="2023-11-14T22:13:20Z", digest="d")
    jsonschema.validate(made, SCHEMA, jsonschema.Draft7Validator)
    assert [one["version"] for one in made["components"]] == ["1", "2"]
    assert made["components"][0]["properties"][0]["value"] == "python_version < '3.12'"


@pytest.mark.parametrize("text", ["a>=1 \\\n    --hash=sha256:" + "0" * 64, "a==1\n", "    --hash=sha256:" + "0" * 64, "-e ."])
def test_a_lock_that_is_none_is_refused(tmp_path, text):
    with pytest.raises(Unreadable):
        read_lock(text)
    path = tmp_path / "lock"
    path.write_text(text)
    assert run("--lock", path).exit_code == 2


def test_what_is_not_installed_has_no_metadata():
    assert installed(["no-such-package-here"]) == {}


# -- advisories ---------------------------------------------------------------------------------------------------------


def advisory(number, name="aiohttp", ecosystem="PyPI", **affected):
    return {
        "id": f"TEST-{number}",
        "summary": "bad",
        "affected": [{"package": {"name": name, "ecosystem": ecosystem}, **affected}],
    }


def between(*events, kind="ECOSYSTEM"):
    return {"ranges": [{"type": kind, "events": [dict([event]) for event in events]}]}


PINS = [Pin("aiohttp", "3.14.5", "", ("0" * 64,)), Pin("zope-interface", "8.0", "", ("0" * 64,))]


@pytest.mark.parametrize(
    ("affected", "concerned"),
    [
        (between(("introduced", "0")), True),
        (between(("introduced", "0"), ("fixed", "3.14.5")), False),
        (between(("introduced", "0"), ("fixed", "3.14.6")), True),
        (between(("introduced", "0"), ("fixed", "3.9"), ("introduced", "3.14"), ("fixed", "3.15")), True),
        (between(("introduced", "0"), ("fixed", "3.9"), ("introduced", "3.15")), False),
        (between(("introduced", "3.10"), ("last_affected", "3.14.5")), True),
        (between(("introduced", "3.10"), ("last_affected", "3.14.4")), False),
        (between(("introduced", "0"), ("fixed", "3.14.5rc1")), False),
        (between(("introduced", "abc"), kind="GIT"), False),
        (between(("introduced", "nonsense")), True),
        ({"versions": ["3.14.4", "3.14.5"]}, True),
        ({"versions": ["3.14.5.0"]}, True),
        ({"versions": ["3.14.4"]}, False),
        ({}, False),
    ],
)
def test_versions_are_compared_as_the_format_says(affected, concerned):
    assert bool(audit(PINS, [advisory(1, **affected)])) == concerned


def test_only_what_concerns_the_lock_is_told():
    everything = between(("introduced", "0"))
    told = [
        advisory(1, "AIOHTTP", **everything),
        advisory(2, "zope.interface", **everything),
        advisory(3, "aiohttp", "npm", **everything),
        advisory(4, "django", **everything),
        advisory(5, **everything) | {"withdrawn": "2024-01-01T00:00:00Z"},
    ]
    assert [(one.id, one.pin.name) for one in audit(PINS, told)] == [("TEST-1", "aiohttp"), ("TEST-2", "zope-interface")]


def test_a_folder_of_advisories_is_read_in_every_form(tmp_path):
    (tmp_path / "one.json").write_text(json.dumps(advisory(1)))
    (tmp_path / "list.json").write_text(json.dumps([advisory(2), advisory(3)]))
    (tmp_path / "lines.json").write_text("\n".join(json.dumps(advisory(n)) for n in (4, 5)))
    (tmp_path / "answer.json").write_text(json.dumps({"vulns": [advisory(6)]}))
    assert sorted(one["id"] for one in read_advisories(tmp_path)) == [f"TEST-{n}" for n in range(1, 7)]


def test_the_command_tells_what_it_found_and_ends_with_1(tmp_path):
    path, out = tmp_path / "osv.json", tmp_path / "sbom.json"
    path.write_text(json.dumps(advisory(1, **between(("introduced", "0"), ("fixed", "999"))) | {"aliases": ["CVE-1"]}))
    done = run("--lock", LOCK, "--advisories", path, "--out", out)
    assert done.exit_code == 1
    assert "TEST-1 CVE-1, fixed in 999: bad" in done.stderr
    made = json.loads(out.read_text())
    jsonschema.validate(made, SCHEMA, jsonschema.Draft7Validator)
    (found,) = made["vulnerabilities"]
    assert found["affects"][0]["ref"] in {one["bom-ref"] for one in made["components"]}
    path.write_text(json.dumps(advisory(1, "django", **between(("introduced", "0")))))
    assert run("--lock", LOCK, "--advisories", path, "--out", out).exit_code == 0
    path.write_text('{"something": "else"}')
    assert run("--lock", LOCK, "--advisories", path, "--out", out).exit_code == 2
