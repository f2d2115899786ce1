"""The parts of deploy/ that are made from other files: `python -m tests.shape.deploy` writes them.

Helm reads nothing outside a chart, and a kustomization nothing above its folder. So both have
copies, and nobody edits these.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import yaml

from podcm_sync.rbac import role_manifests
from podcm_sync.rbac.rights import RIGHTS, RequiredFor, rules
from tests.shape.readme import ROOT, _row, _table

DEPLOY: Final = ROOT / "deploy"
CHART: Final = DEPLOY / "chart"
KUSTOMIZE: Final = DEPLOY / "kustomize"
CHART_README: Final = CHART / "README.md"
BEGIN, END = "<!-- begin: values -->\n", "<!-- end: values -->"

COPIES: Final = {
    CHART / "files" / "crd.yaml": ROOT / "crd" / "podconfigmapconfig_crd.yaml",
    CHART / "files" / "admission-policy.yaml": DEPLOY / "admission-policy.yaml",
    CHART / "files" / "rules.yaml": DEPLOY / "observability" / "rules.yaml",
    CHART / "files" / "dashboard.json": DEPLOY / "observability" / "dashboard.json",
    CHART / "LICENSE": ROOT / "LICENSE",
    KUSTOMIZE / "base" / "admission-policy.yaml": DEPLOY / "admission-policy.yaml",
    KUSTOMIZE / "cluster-wide" / "00-namespace.yaml": DEPLOY / "00-namespace.yaml",
    KUSTOMIZE / "cluster-wide" / "rbac.yaml": DEPLOY / "rbac.yaml",
    KUSTOMIZE / "cronjob" / "cronjob.yaml": DEPLOY / "cronjob.yaml",
    KUSTOMIZE / "namespaced" / "team" / "cronjob.yaml": DEPLOY / "cronjob.yaml",
}
"""Each copy and its original."""
RIGHTS_FILE: Final = CHART / "files" / "rights.yaml"


def made() -> dict[str, str]:
    """Each made file, by its path in the repository, and its text."""
    texts = {target: source.read_text(encoding="utf-8") for target, source in COPIES.items()}
    for target, source in COPIES.items():
        if target.suffix == ".yaml":
            origin = source.relative_to(ROOT)
            texts[target] = f"# A copy of {origin}, made by `make docs`.\n{texts[target]}"
    texts[RIGHTS_FILE] = _rights()
    texts[CHART_README] = with_values(CHART_README.read_text(encoding="utf-8"))
    return {str(path.relative_to(ROOT)): text for path, text in texts.items()}


def _rights() -> str:
    """The rules that the chart's roles have, by what needs them."""
    groups = {
        "run": (RequiredFor.ALWAYS, RequiredFor.WRITES),
        "events": (RequiredFor.EVENTS,),
        "watch": (RequiredFor.WATCH,),
        "election": (RequiredFor.ELECTION,),
    }
    content = {
        name: [
            role_manifests._rule(rule)
            for rule in rules(right for right in RIGHTS if right.required_for in required)
        ]
        for name, required in groups.items()
    }
    assert sum(len(rule["verbs"]) for part in content.values() for rule in part) == len(RIGHTS)
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None)
    return f"# The table of `podcm_sync/rbac/rights.py`, made by `make docs`.\n{text}"


def values() -> Iterator[tuple[str, Any, str]]:
    """The path, the default, and the description of each value that has a comment with `--`."""
    lines = (CHART / "values.yaml").read_text(encoding="utf-8").splitlines()
    root = yaml.compose("\n".join(lines))
    assert isinstance(root, yaml.MappingNode)
    yield from _values(root, (), lines)


def _values(
    node: yaml.MappingNode, path: tuple[str, ...], lines: list[str]
) -> Iterator[tuple[str, Any, str]]:
    for key, value in node.value:
        here = (*path, key.value)
        if description := _comment_above(lines, key.start_mark.line):
            default = yaml.safe_load(yaml.serialize(value))
            yield ".".join(here), default, description
        else:
            assert isinstance(value, yaml.MappingNode), f"{'.'.join(here)} has no description"
            yield from _values(value, here, lines)


def _comment_above(lines: list[str], line: int) -> str:
    """The comment that ends right above the line, from its `# -- ` on."""
    words: list[str] = []
    for text in reversed(lines[:line]):
        comment = text.strip()
        if comment.startswith("# -- "):
            return " ".join([comment.removeprefix("# -- "), *words])
        if not comment.startswith("# "):
            return ""
        words.insert(0, comment.removeprefix("# "))
    return ""


def with_values(text: str) -> str:
    """The chart's README with the table of its values as they are now."""
    rows = [
        _row(f"`{path}`", f"`{json.dumps(default, ensure_ascii=False)}`", description)
        for path, default, description in values()
    ]
    before, _, rest = text.partition(BEGIN)
    table = _table(("value", "default", "meaning"), rows)
    return f"{before}{BEGIN}{table}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    for path, text in made().items():
        (ROOT / path).write_text(text, encoding="utf-8")
