"""`podcm-sync validate`: PodConfigMapConfig manifests checked without a cluster.

The functions are those of a run: what passes here is accepted by the CRD and rendered by the job.
Manifests of other kinds are passed over, so that a whole repository can be given.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from podcm_sync import __version__
from podcm_sync.cli.show import put
from podcm_sync.cluster import mistakes
from podcm_sync.cluster.config_files import all_manifests, is_config
from podcm_sync.cluster.manifests import Manifest, Skipped
from podcm_sync.core import scrub
from podcm_sync.core import validate as rules
from podcm_sync.core.rendering import TemplateFinding
from podcm_sync.core.selector import compile_selector
from podcm_sync.errors import DecodeError, InputError
from podcm_sync.model import decode
from podcm_sync.model.meta import API_VERSION, KIND
from podcm_sync.model.objects import Pod, PodConfigMapConfig
from podcm_sync.render.escape import json_text, printable
from podcm_sync.settings import Findings

INVALID: Final = 3
NOTHING_TO_CHECK: Final = 2
DEFAULT_NAMESPACE: Final = "default"
VERSION: Final = "podcm-sync/validation/v1"
_PATHS: Final = frozenset({"apiVersion", "metadata", "metadata.name", "spec"})
"""Of those that are not below spec; all are words of ours."""


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: where (the line is the value's own), and what to write."""

    file: str
    line: int
    name: str
    path: str
    message: str
    hint: str = ""

    def redacted(self) -> "Finding":
        """Where it is, and no word of the manifest's own: as --redact has it in a run."""
        said = scrub.scrubbed(f"{self.path}: {self.message}")
        if said.startswith(f"{self.path}: "):
            return structs.replace(self, message=said.removeprefix(f"{self.path}: "), hint="")
        path = self.path if self.path in _PATHS else ""
        return structs.replace(self, path=path, message=scrub.WITHHELD, hint="")

    def __str__(self) -> str:
        name = f"{KIND} {self.name}: " if self.name else ""
        path = f"{self.path}: " if self.path else ""
        said = printable(f"{self.file}:{self.line}: {name}{path}{self.message}")
        return said + (f"\n  hint: {printable(self.hint)}" if self.hint else "")


def validate(
    places: Sequence[str],
    output: Findings,
    *,
    is_redacted: bool = False,
    may_be_empty: bool = False,
) -> int:
    """Check all that is named, write the findings to stdout; 3 if there are any.

    The code is 2 if there is nothing to check, unless `may_be_empty`. Raises InputError for what
    cannot be read or parsed at all, OutputError for a full disk.
    """
    skipped = Skipped()
    manifests = list(all_manifests(places, skipped))
    configs = list(filter(is_config, manifests))
    pods = list(_pods(manifests))
    findings = [finding for config in configs for finding in _findings(config, pods)]
    if is_redacted:
        findings = [each.redacted() for each in findings]
    code = INVALID if findings else 0
    if not configs and not may_be_empty:
        code = NOTHING_TO_CHECK
    if output is Findings.JSON:
        document = {
            "version": VERSION,
            "tool": f"podcm-sync {__version__}",
            "exitCode": code,
            **({"redacted": True} if is_redacted else {}),
            "configs": len(configs),
            "skipped": skipped.count,
            "findings": msgspec.to_builtins(findings),
        }
        lines = [json_text(document, indent=2)]
    else:
        lines = [*map(str, findings), _verdict(len(configs), len(findings), skipped.count, code)]
    put("".join(f"{line}\n" for line in lines))
    return code


def _verdict(configs: int, findings: int, skipped: int, code: int) -> str:
    """The last line: what was checked, and what was found."""
    noun = KIND if configs == 1 else f"{KIND}s"
    verdict = f"{configs} {noun} checked: {findings or 'no'} finding{'' if findings == 1 else 's'}"
    if code == NOTHING_TO_CHECK:
        verdict = f"nothing to check: there is no {KIND} (--allow-empty takes that for a success)"
    if skipped:
        verdict += f"; skipped {skipped} documents that are not Kubernetes objects"
    return verdict


def _pods(manifests: Iterable[Manifest]) -> Iterator[Pod]:
    """The Pods among the manifests. Those that a run could not decode prove nothing here."""
    for manifest in manifests:
        content = manifest.content
        if (content["apiVersion"], content["kind"]) != ("v1", "Pod"):
            continue
        metadata = content.get("metadata")
        if isinstance(metadata, dict):
            filled = {
                **content,
                "metadata": {"uid": "sample", "namespace": DEFAULT_NAMESPACE, **metadata},
                "status": content.get("status") or {"phase": "Pending"},
            }
            with suppress(DecodeError):
                yield decode.decode_pod(msgspec.json.encode(filled))


def _findings(manifest: Manifest, pods: Sequence[Pod]) -> Iterator[Finding]:
    """What the API server would refuse, and what a run would."""
    metadata = manifest.content.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    name = "/".join(str(named[key]) for key in ("namespace", "name") if named.get(key))

    def found(text: str, hint: str = "") -> Finding:
        line, path, message = mistakes.locate(manifest, text)
        return Finding(
            file=str(manifest.path), line=line, name=name, path=path, message=message, hint=hint
        )

    texts = list(_texts(manifest.content, named))
    yield from map(found, texts)
    # An invalid selector selects nothing.
    selectable = () if texts else pods
    for finding in _of_templates(manifest.content, named, selectable):
        yield found(f"{finding.path}: {finding.message}", finding.hint)


def _of_templates(
    content: dict[str, Any], named: dict[str, Any], pods: Sequence[Pod]
) -> Iterable[TemplateFinding]:
    config = _decoded(content, named)
    if config is None or config.spec is None or not config.spec.config_map_data_template:
        return ()
    # Late: configs without templates need no engine.
    from podcm_sync.template import check

    namespace = config.namespaced_name.namespace or DEFAULT_NAMESPACE
    matches = compile_selector(config.spec.pod_selector) if pods else None
    selected = [
        pod
        for pod in pods
        if matches and pod.namespaced_name.namespace == namespace and matches(pod.labels)
    ]
    return check.findings(config.namespaced_name, config.spec.config_map_data_template, selected)


def _texts(content: dict[str, Any], named: dict[str, Any]) -> Iterator[str]:
    if content["apiVersion"] != API_VERSION:
        yield f"apiVersion: {content['apiVersion']!r} is not served: write {API_VERSION}"
    if not isinstance(named.get("name"), str) or not rules.is_subdomain(named["name"]):
        yield "metadata.name: a name is needed, of lower-case letters, digits, '-' and '.'"
    try:
        config = decode.decode_config(_with_a_name(content, named))
    except DecodeError as error:
        yield f"metadata: {error}"
        return
    if config.spec is None:
        yield config.spec_error
    else:
        yield from rules.findings(config.spec)


def _decoded(content: dict[str, Any], named: dict[str, Any]) -> PodConfigMapConfig | None:
    with suppress(DecodeError):
        return decode.decode_config(_with_a_name(content, named))
    return None


def _with_a_name(content: dict[str, Any], named: dict[str, Any]) -> bytes:
    """As JSON, with a name that can be decoded: what is wrong with the name is one finding."""
    name = named.get("name")
    if not isinstance(name, str) or not rules.is_subdomain(name):
        content = {**content, "metadata": {**named, "name": "unnamed"}}
    try:
        return msgspec.json.encode(content)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{KIND} {name}: is not JSON: {error}", quoted=error) from error
