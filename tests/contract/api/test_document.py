"""The OpenAPI document: sound in itself, and true of the app."""

import json

import jsonschema
import msgspec

from router.api.problems import CATALOGUE


def resolve(document, schema):
    """References made absolute to the document, so that one registry-free validator can follow them."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "components": document["components"], **schema}


def contents(document):
    """(method, path, where, media, content) of everything that goes in or comes out."""
    for path, methods in document["paths"].items():
        for method, spec in methods.items():
            for media, content in spec.get("requestBody", {}).get("content", {}).items():
                yield method.upper(), path, "request", media, content
            for status, answer in spec["responses"].items():
                for media, content in answer.get("content", {}).items():
                    yield method.upper(), path, status, media, content


def examples(content):
    return [one["value"] for one in content.get("examples", {}).values()] + ([content["example"]] if "example" in content else [])


async def test_the_document_is_sound(api):
    status, document, _ = await api("GET", "/openapi.json", key=None)
    assert status == 200
    assert document["openapi"].startswith("3.1")
    assert document["info"]["title"] == "Trunkline"
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    references = set(json.dumps(document).split('"#/components/schemas/')[1:])
    assert {reference.split('"')[0] for reference in references} <= document["components"]["schemas"].keys()
    operation_ids = [spec["operationId"] for methods in document["paths"].values() for spec in methods.values()]
    assert len(operation_ids) == len(set(operation_ids)) == 19
    for path, methods in document["paths"].items():
        for spec in methods.values():
            assert spec["summary"]
            assert [p["name"] for p in spec.get("parameters", ()) if p["in"] == "path"] == (["id"] if "{id}" in path else [])


async def test_every_example_fits_its_schema(api):
    _, document, _ = await api("GET", "/openapi.json", key=None)
    checked = 0
    for _, _, _, media, content in contents(document):
        for value in examples(content):
            jsonschema.Draft202012Validator(resolve(document, content["schema"])).validate(value)
            checked += 1
        assert "json" not in media or media == "application/x-ndjson" or examples(content) or "BatchAnswer" in str(content)
    assert checked > 80


async def test_every_error_has_an_example(api):
    _, document, _ = await api("GET", "/openapi.json", key=None)
    shown = {
        value["code"]
        for *_, content in contents(document)
        for value in examples(content)
        if isinstance(value, dict) and "code" in value
    }
    assert shown == CATALOGUE.keys() - {"method_not_allowed"}


async def test_every_example_is_accepted(api):
    _, document, _ = await api("GET", "/openapi.json", key=None)
    tried = 0
    for method, path, where, media, content in contents(document):
        if where != "request" or path.endswith("feedback"):
            continue  # feedback speaks of a message that only the documentation knows
        good = 200 if path.endswith("preview") else 202
        for value in examples(content):
            if path.endswith("replay") and value:
                continue  # names an event that only the documentation knows
            data = value.encode() if isinstance(value, str) else json.dumps(value).encode()
            status, shown, _ = await api(method, path, data=data, Content_Type=media)
            assert status == good, shown
            assert shown.get("meta", {}).get("refused", 0) == 0
            if media == "application/json" and not path.endswith("replay"):
                packed = msgspec.msgpack.encode(value)
                status, shown, _ = await api(method, path, data=packed, Content_Type="application/msgpack")
                assert status == good, shown
            tried += 1
    assert tried >= 10


async def test_answers_fit_their_schemas(api):
    _, document, _ = await api("GET", "/openapi.json", key=None)
    _, made, _ = await api("POST", "/v1/messages", {"to": "+447700900123", "text": "x"})
    await api("POST", "/v1/messages/batch", [{"to": "+447700900123", "text": "x"}, {}])
    for path, methods in document["paths"].items():
        if "get" not in methods or path == "/metrics":
            continue
        status, shown, _ = await api("GET", path.replace("{id}", made["id"]))
        schema = methods["get"]["responses"][str(status)]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(resolve(document, schema)).validate(shown)


async def test_the_page_names_every_route_and_error_and_runs_no_script(api):
    _, document, _ = await api("GET", "/openapi.json", key=None)
    status, page, headers = await api("GET", "/docs", key=None)
    text = page.decode()
    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    assert "script" not in text
    assert "http://" not in text.replace("http://example.com", "")
    assert all(f'id="error-{code}"' in text for code in CATALOGUE)
    assert all(path in text for path in document["paths"])
