"""GET /docs: the reference as one page without scripts, made from the OpenAPI document. It works offline and under the strictest policy."""

import json
from html import escape
from typing import Any, Final

from router.api.problems import CATALOGUE

_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin-top:3rem;border-top:1px solid #d0d7de;padding-top:1rem}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#f6f8fa;padding:.8rem;overflow:auto;border-radius:6px}table{border-collapse:collapse}
td,th{border:1px solid #d0d7de;padding:.3rem .6rem;text-align:left;vertical-align:top}summary{cursor:pointer}
.m{display:inline-block;min-width:3.5rem;font-weight:700}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}pre{background:#161b22}td,th,h2{border-color:#30363d}a{color:#58a6ff}}
"""


def render(document: dict[str, Any]) -> str:
    """The page."""
    operations = [(path, method.upper(), spec) for path, methods in document["paths"].items() for method, spec in methods.items()]
    info = document["info"]
    parts = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])} API</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>{escape(info["title"])} API</h1>',
        *(f"<p>{escape(paragraph)}</p>" for paragraph in info["description"].split("\n\n")),
        '<p>The same as a document for tools: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p><ul>',
        *(
            f'<li><a href="#{escape(spec["operationId"])}"><code><span class="m">{method}</span> {escape(path)}</code></a> {escape(spec["summary"])}'
            for path, method, spec in operations
        ),
        '<li><a href="#fields">Fields of a message</a><li><a href="#errors">Errors</a></ul>',
        *(_operation(path, method, spec) for path, method, spec in operations),
        '<h2 id="fields">Fields of a message</h2>',
        _fields(document["components"]["schemas"]["MessageIn"]),
        '<h2 id="errors">Errors</h2><table><tr><th>code<th>status<th>meaning',
        *(
            f'<tr id="error-{code}"><td><code>{code}</code><td>{kind.status}<td>{escape(kind.title)}'
            for code, kind in CATALOGUE.items()
        ),
        "</table></html>",
    ]
    return "\n".join(parts)


def _operation(path: str, method: str, spec: dict[str, Any]) -> str:
    lines = [
        f'<h2 id="{escape(spec["operationId"])}"><code>{method} {escape(path)}</code></h2>',
        f"<p>{escape(spec['description'])}</p>",
    ]
    parameters = spec.get("parameters", ())
    if parameters:
        lines.append("<table><tr><th>parameter<th>in<th>meaning")
        lines += [f"<tr><td><code>{escape(p['name'])}</code><td>{p['in']}<td>{escape(p['description'])}" for p in parameters]
        lines.append("</table>")
    for media, content in spec.get("requestBody", {}).get("content", {}).items():
        lines += [_example(f"{media}: {e['summary']}", e["value"]) for e in content.get("examples", {}).values()]
    for status, response in spec["responses"].items():
        for media, content in response.get("content", {}).items():
            shown = [e["value"] for e in content.get("examples", {}).values()] or (
                [content["example"]] if "example" in content else []
            )
            lines += [_example(f"{status} {response['description']} ({media})", value) for value in shown[:1]]
    return "\n".join(lines)


def _example(title: str, value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def _fields(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        f"<tr><td><code>{escape(name)}</code><td>{'required' if name in required else ''}<td>{escape(_description(field))}"
        for name, field in schema["properties"].items()
    ]
    return "\n".join(["<table><tr><th>field<th><th>meaning", *rows, "</table>"])


def _description(field: dict[str, Any]) -> str:
    return field.get("description") or next((one["description"] for one in field.get("anyOf", ()) if "description" in one), "")
