"""The tables agree with the specification, where it is at hand, and lack nothing of it."""

import pytest
from protocol_fields import FIELDS, WITHOUT_CLASS
from protocol_operations import OPERATIONS


def reference(node):
    """The name of the schema that is referred to."""
    return node.get("$ref", "").rpartition("/")[2] or None


def described(specification):
    """Each operation of the specification: query, body and answer."""
    found = {}
    for path, methods in specification["paths"].items():
        for method, operation in methods.items():
            if method not in ("get", "post", "put", "patch", "delete"):
                continue
            contents = operation.get("requestBody", {}).get("content", {}).values()
            answers = operation["responses"]["200"]["content"].values()
            found[f"{method.upper()} {path}"] = (
                {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"},
                next((reference(content["schema"]) for content in contents), None),
                next((reference(content["schema"]) for content in answers), None),
            )
    return found


def fields(node, prefix=""):
    """The dotted names of all fields of a schema, without those of schemas it refers to."""
    if "$ref" in node:
        return set()
    found = set()
    for name, inner in (node.get("properties") or {}).items():
        found |= {prefix + name} | fields(inner, f"{prefix}{name}.")
    members = [m for key in ("oneOf", "anyOf", "allOf") for m in node.get(key, ())]
    members += [node["items"]] if isinstance(node.get("items"), dict) else []
    return found.union(*(fields(member, prefix) for member in members))


def test_the_operations_are_those_of_the_specification(specification):
    """Method, path, query parameters, and the names of body and answer."""
    ours = {row.name: (set(row.query), row.body, row.answer) for row in OPERATIONS}

    assert ours == described(specification)


@pytest.mark.parametrize("schema", FIELDS)
def test_the_fields_are_those_of_the_specification(specification, schema):
    """No field more, none less."""
    _, names = FIELDS[schema]

    assert set(names.split()) == fields(specification["components"]["schemas"][schema])


def test_every_schema_has_a_row_or_a_reason(specification):
    """A new schema cannot be overlooked."""
    schemas = set(specification["components"]["schemas"])

    assert schemas == set(FIELDS) | set(WITHOUT_CLASS)
