"""What two worlds that were asked for the same must have in common, however they came there."""

import json
from typing import Any

Json = dict[str, Any]


def plain_state(
    namespace: str, uids: dict[str, str], config_maps: dict[str, Json], configs: list[Json]
) -> Json:
    """ConfigMaps and statuses by name, without times and versions.

    The namespace's name and the Pods' uids, which two worlds do not share, have stand-ins.
    """
    state = {
        "configMaps": {name: _config_map(each) for name, each in sorted(config_maps.items())},
        "statuses": {each["metadata"]["name"]: _status(each) for each in configs},
    }
    text = json.dumps(state, sort_keys=True).replace(namespace, "NAMESPACE")
    for name, uid in uids.items():
        text = text.replace(uid, f"UID of {name}")
    plain: Json = json.loads(text)
    return plain


def difference(expected: Json, found: Json, path: str = "") -> list[str]:
    """Where two states differ, a line each."""
    lines = []
    for key in sorted(expected.keys() | found.keys()):
        one, other = expected.get(key), found.get(key)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            lines += difference(one, other, f"{path}/{key}")
        else:
            lines.append(f"{path}/{key}: expected {one!r}, found {other!r}")
    return lines


def _config_map(stored: Json) -> Json:
    metadata = stored["metadata"]
    return {
        "labels": metadata.get("labels", {}),
        "annotations": metadata.get("annotations", {}),
        "ownerReferences": metadata.get("ownerReferences", []),
        "data": stored.get("data", {}),
        "binaryData": stored.get("binaryData", {}),
    }


def _status(stored: Json) -> Json:
    """The generation itself tells how often a spec was edited: what counts is which is meant."""
    generation = stored["metadata"]["generation"]
    status = stored.get("status", {})
    ready = [each for each in status.get("conditions", []) if each["type"] == "Ready"]
    is_ready = any(each["status"] == "True" for each in ready)
    return {
        # Without Ready=True it says what was last achieved, which is a matter of history.
        "isObserved": status.get("observedGeneration") == generation if is_ready else None,
        **{key: status.get(key) for key in ("matchedPods", "configMaps", "failures")},
        "conditions": {
            each["type"]: {
                **{key: each[key] for key in ("status", "reason", "message")},
                "isObserved": each.get("observedGeneration") == generation,
            }
            for each in status.get("conditions", [])
        },
    }
