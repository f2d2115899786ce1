"""Explanation → the versioned document that `explain -o json` prints, for programs to read.

Its JSON Schema is `explanation.schema.json` beside this file; a field may be added within a
version, none is renamed or removed. Optional fields are absent, never null.
"""

import json
from importlib.resources import files
from typing import Any, Final

import msgspec

from podcm_sync import __version__
from podcm_sync.core.explain.explanation import Explanation

VERSION: Final = "podcm-sync/explanation/v1"
Json = dict[str, Any]


def explained_document(explanation: Explanation) -> Json:
    """The document as built-in types, in a stable order."""
    content: Json = msgspec.to_builtins(explanation)
    return {"version": VERSION, "tool": f"podcm-sync {__version__}", **content}


def explained_schema() -> Json:
    """The document's JSON Schema, as it ships in the package."""
    file = files("podcm_sync.render").joinpath("explanation.schema.json")
    content: Json = json.loads(file.read_text(encoding="utf-8"))
    return content
