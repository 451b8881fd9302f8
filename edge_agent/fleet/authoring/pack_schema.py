"""The pack format as JSON Schema (draft 2020-12), made from the types that read it. Pure.

`docs/pack.schema.json` is what travels, `docs/pack.toml.schema.json` what a person writes; a test holds both to this.
"""

import json
from copy import deepcopy
from typing import Any, Final

from edge_agent.fleet.authoring.pack_folder import KINDS, Stated
from edge_agent.packs.formats.manifest import FORMAT_VERSION, Manifest

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_RULE: Final = (
    "A writer follows this schema exactly. A reader of this version passes over fields that it does not know, leaves "
    "out creatives of formats that it does not know, and leaves out whatever names an unknown field in its `crit`; "
    "another `v` it refuses. See edge-agent docs packs."
)


def manifest_schema() -> dict[str, Any]:
    """Return the schema of the manifest, the signed document that travels."""
    made = _model_schema()
    made["properties"]["v"] = {"const": FORMAT_VERSION, "description": "The format version."}
    made["required"] = sorted({*made["required"], "v"})
    made["properties"]["assets"]["additionalProperties"] = False
    return _headed(f"Edge Agent pack manifest, version {FORMAT_VERSION}", made) | {"$comment": _RULE}


def written_schema() -> dict[str, Any]:
    """Return the schema of pack.toml (or pack.json), in which much may be left out."""
    made = _model_schema()
    definitions = deepcopy(made["$defs"])
    for name in ("PackedAsset", "Chunk", "ChunkList"):
        definitions.pop(name)
    campaign = definitions.pop("Campaign")
    creative = definitions["Creative"]
    creative["required"] = [name for name in creative["required"] if name != "dur"]
    stated = Stated.model_json_schema()
    at = {"type": "string", "description": "A date, or a date and a time; UTC where it names no zone."}
    definitions["Flight"]["properties"] |= {"start": at, "end": at}
    campaign["properties"] |= {
        "pack": made["properties"]["name"] | {"description": "The pack; the campaign's id when left out."},
        "kinds": {
            "type": "array",
            "items": {"enum": list(KINDS)},
            "description": "Which devices it is for; all without.",
        },
        "assets": {
            "type": "object",
            "additionalProperties": stated,
            "description": "What files are whose type, size or playing time cannot be read from them.",
        },
    }
    campaign["required"] = [name for name in campaign["required"] if name not in {"id", "line_items"}]
    return _headed("Edge Agent pack.toml", campaign | {"$defs": definitions})


def _model_schema() -> dict[str, Any]:
    """Return pydantic's schema, but for times of day, which are local here and have a zone in RFC 3339."""
    made = Manifest.model_json_schema()
    local = {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?$"}
    made["$defs"]["Daypart"]["properties"] |= dict.fromkeys(("start", "end"), local)
    return made


def document(schema: dict[str, Any]) -> str:
    """Return a schema as the file that is published."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _headed(title: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"$schema": _DIALECT, "title": title} | {key: value for key, value in schema.items() if key != "title"}
