"""The OpenAPI page: bodies that the routes check by themselves, refusals, and keys."""

from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from millstream.events import Event, Impression, Interaction, ItemUpsert, UserUpsert
from serving.http.schemas import RecommendBody

_TEMPLATE = "#/components/schemas/{name}"
_EVENTS: tuple[type[Event], ...] = (Interaction, Impression, ItemUpsert, UserUpsert)
_ID = {"type": "string", "minLength": 1, "maxLength": 256}
_LENIENT_ID = {"anyOf": [_ID, {"type": "integer"}]}
# What producers may write in another way than it is kept (`millstream/lenient.py`).
_LENIENT = {
    **dict.fromkeys(("event_id", "user_id", "item_id"), _LENIENT_ID),
    "event_time": {
        "anyOf": [
            {"type": "number", "minimum": 0, "maximum": 4_102_444_800},
            {"type": "string", "format": "date-time"},
        ]
    },
}
_OPTIONAL = {"event_id", "event_time"}


class Refusal(BaseModel):
    """Why nothing was done."""

    detail: str


class FieldError(BaseModel):
    """Fault of one field."""

    path: str
    reason: str


class Invalid(BaseModel):
    """Faults of a request."""

    detail: list[FieldError]


def _refusals(**texts: str) -> dict[int | str, dict[str, Any]]:
    return {int(c[1:]): {"model": Refusal, "description": text} for c, text in texts.items()}


# What each route of the API may answer when it refuses.
REFUSALS: dict[int | str, dict[str, Any]] = {
    **_refusals(
        _401="No API key that is known, where keys are needed.",
        _403="The key has not the scope, or a page of another origin asked.",
        _408="The request did not come whole in time.",
        _413="The body, or an event, is too large.",
        _415="The body's `Content-Encoding` is not `gzip`.",
        _429="Too many requests; `Retry-After` says how many seconds to wait.",
        _503="It may be tried again after the seconds of `Retry-After`.",
    ),
    422: {"model": Invalid, "description": "Each error names its field by its path."},
}


UNKNOWN = _refusals(_404="What the address names is not known.")


def body_of(schema: str, **more: Any) -> dict[str, Any]:
    """The request body of a route that reads it itself: one of the schemas below, by its name."""
    content = {"schema": {"$ref": _TEMPLATE.format(name=schema)}, **more}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


def describe(app: FastAPI, max_batch: int) -> None:
    """Let `app` tell of what FastAPI cannot see: bodies of events and items, and keys."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
            )
            found["components"]["schemas"] |= _bodies(max_batch)
            found["components"]["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            }
            found["security"] = [{}, {"bearer": []}, {"header": []}]
            app.openapi_schema = found
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _bodies(max_batch: int) -> dict[str, Any]:
    _, components = msgspec.json.schema_components(_EVENTS, ref_template=_TEMPLATE)
    for event in _EVENTS:
        components[event.__name__] = _as_sent(components[event.__name__])
    item = components["ItemUpsert"]
    components["Item"] = {**item, "required": [n for n in item["required"] if n != "type"]}
    for name, schema in (("ItemFields", item), ("UserFields", components["UserUpsert"])):
        components[name] = _without_address(schema)
    kinds = [{"$ref": _TEMPLATE.format(name=event.__name__)} for event in _EVENTS]
    tags = {
        str(event.__struct_config__.tag): kind["$ref"]
        for event, kind in zip(_EVENTS, kinds, strict=True)
    }
    components["AnyEvent"] = {
        "oneOf": kinds,
        "discriminator": {"propertyName": "type", "mapping": tags},
    }
    for name in ("AnyEvent", "Item"):
        one = {"$ref": _TEMPLATE.format(name=name)}
        many = {"type": "array", "items": one, "maxItems": max_batch}
        components[f"{name}OrList"] = {"anyOf": [one, many]}
    recommend = RecommendBody.model_json_schema(ref_template=_TEMPLATE.replace("name", "model"))
    return {**components, **recommend.pop("$defs"), "RecommendBody": recommend}


def _without_address(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a body whose id is in its address."""
    left_out = ("item_id", "user_id", "type", "schema_version", "is_probe")
    properties = {n: each for n, each in schema["properties"].items() if n not in left_out}
    return {**schema, "properties": properties, "required": []}


def _as_sent(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of an event as a producer may send it, with a summary for a description."""
    properties = {name: _LENIENT.get(name, each) for name, each in schema["properties"].items()}
    required = [name for name in schema["required"] if name not in _OPTIONAL]
    description = schema.get("description", "").partition("\n")[0]
    return {**schema, "description": description, "properties": properties, "required": required}
