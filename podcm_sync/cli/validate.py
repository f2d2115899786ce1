"""`podcm-sync validate`: PodConfigMapConfig manifests checked without a cluster.

The functions are those of a run: what passes here is accepted by the CRD and rendered by the job.
Manifests of other kinds are passed over, so that a whole repository can be given.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Struct, structs

from podcm_sync import __version__
from podcm_sync.api import decode_json
from podcm_sync.api.finding import Finding, MalformedError, quote
from podcm_sync.api.meta import API_VERSION, KIND
from podcm_sync.api.objects import Pod, PodConfigMapConfig, PodConfigMapConfigSpec
from podcm_sync.cli.app import Section, verb
from podcm_sync.cli.option import Group, Option
from podcm_sync.cli.shared_options import ScreenOptions, TextOrJson
from podcm_sync.errors import DecodeError, ExitCode, UsageError
from podcm_sync.output.escape import json_text, printable
from podcm_sync.output.terminal import Color, Style
from podcm_sync.output.withhold import withheld, withheld_finding
from podcm_sync.reconcile import validate as rules
from podcm_sync.reconcile.selector import compile_selector

if TYPE_CHECKING:
    from podcm_sync.cluster.files.manifests import Manifest, Unreadable
    from podcm_sync.cluster.files.mistakes import Position
    from podcm_sync.output.terminal import Color, Style

DEFAULT_NAMESPACE: Final = "default"
VERSION: Final = "podcm-sync/validation/v1"
_TEMPLATE_PLACE: Final = re.compile(
    r"\Aline \d+, column \d+: (?:template: [-.\w]+:\d+(?::\d+)?: )?"
)
"""What our engine and Go put before a template's error."""
_REQUIREMENT: Final = re.compile(r"spec\.podSelector\.matchExpressions\[\d+\]")
MAX_BROKEN: Final = 100
"""How many values of a wrong type one config is searched for: each needs a look at all of it."""


class Located(Struct, frozen=True, kw_only=True):
    """One thing that is wrong: where (line and column are the value's own), and what to write.

    `column` is 0 if only the line is known, and `line` if not even that.
    """

    file: str
    line: int
    column: int = 0
    name: str
    path: str
    message: str
    hint: str = ""


class Checked(Struct, kw_only=True):
    """The result of a check. `files_without` counts the files that have no config."""

    configs: int
    skipped: int
    files_without: int
    findings: list[tuple[Located, "Position | None"]]
    is_readable: bool = True


class ValidateOptions(Struct, frozen=True, kw_only=True):
    """The options of `validate`."""

    paths: Annotated[
        tuple[str, ...],
        Option(
            group=Group.SCOPE,
            metavar="PATH",
            help="A file, a directory with everything below it, or - for stdin.",
        ),
    ] = ()
    files: Annotated[
        tuple[str, ...],
        Option(
            flags="-f --filename",
            has_variable=False,
            group=Group.SCOPE,
            metavar="PATH",
            help="Same as PATH, for users of kubectl.",
        ),
    ] = ()
    allow_empty: Annotated[
        bool,
        Option(
            flags="--allow-empty",
            has_variable=False,
            group=Group.OUTPUT,
            help="Exit 0 instead of 2 if no PodConfigMapConfig is found.",
        ),
    ] = False
    screen: ScreenOptions = ScreenOptions()


@verb("validate", Section.AUTHOR)
def validate(options: ValidateOptions) -> int:
    """Check PodConfigMapConfig manifests without a cluster.

    validate finds what a run and the API server would find. It exits 0 if it finds no mistake, 3 if
    it finds one, and 2 if no PodConfigMapConfig is found.
    """
    paths = (*options.paths, *options.files)
    if not paths:
        raise UsageError("validate requires a PATH", hint="podcm-sync validate .")
    # Late, so that --help loads no YAML.
    from podcm_sync.cli.output import put, style

    checked = _check(paths, is_redacted=options.screen.redact)
    code = ExitCode.FAILED_OBJECTS if checked.findings else ExitCode.DONE
    if not checked.is_readable or not (checked.configs or options.allow_empty):
        code = ExitCode.USAGE
    if options.screen.output is TextOrJson.JSON:
        document = {
            "version": VERSION,
            "tool": f"podcm-sync {__version__}",
            "exitCode": code,
            **({"redacted": True} if options.screen.redact else {}),
            "configs": checked.configs,
            "skipped": checked.skipped,
            "filesWithoutConfig": checked.files_without,
            "findings": msgspec.to_builtins([located for located, _ in checked.findings]),
        }
        put(json_text(document, indent=2) + "\n")
    else:
        put("".join(f"{line}\n" for line in _lines(checked, style(options.screen.colour))))
    return code


def _check(paths: Sequence[str], *, is_redacted: bool) -> Checked:
    from podcm_sync.cluster.files.manifests import Skipped, Unreadable
    from podcm_sync.cluster.files.preview import is_config, survey

    skipped = Skipped()
    read = list(survey(paths, skipped))
    manifests = [manifest for manifest in read if not isinstance(manifest, Unreadable)]
    unreadable = [manifest for manifest in read if isinstance(manifest, Unreadable)]
    configs = list(filter(is_config, manifests))
    pods = list(_pods(manifests))
    findings: list[tuple[Located, Position | None]] = [
        (_of_unreadable(manifest, is_redacted=is_redacted), None) for manifest in unreadable
    ]
    for config in configs:
        findings += _findings(config, pods, is_redacted=is_redacted)
    with_configs = {config.path for config in configs} | {manifest.path for manifest in unreadable}
    return Checked(
        configs=len(configs),
        skipped=skipped.count,
        files_without=len(skipped.files - with_configs),
        findings=sorted(findings, key=_by_place),
        is_readable=not unreadable,
    )


def _by_place(finding: tuple[Located, object]) -> tuple[str, int, int]:
    located, _ = finding
    return located.file, located.line, located.column


def _of_unreadable(unreadable: "Unreadable", *, is_redacted: bool) -> Located:
    message, hint = unreadable.message, unreadable.hint
    if is_redacted:
        message, hint = withheld(message, quote(unreadable.quoted)), ""
    return Located(
        file=str(unreadable.path),
        line=unreadable.line,
        name="",
        path="",
        message=message,
        hint=hint,
    )


def _lines(checked: Checked, style: "Style") -> Iterator[str]:
    """Findings in the shape of a compiler's, and the totals."""
    from podcm_sync.output.excerpt import BAR, excerpt

    for located, position in checked.findings:
        numbers = "".join(f"{number}:" for number in (located.line, located.column) if number)
        start = printable(f"{located.file}:{numbers} ")
        subject = ": ".join(part for part in (located.name, located.path) if part)
        # The place in the template is in the file's line and column already.
        message = _TEMPLATE_PLACE.sub("", located.message) if position else located.message
        text = f"{subject}: {message}" if subject else message
        yield from style.lines(start, text, "    ", Color.BOLD)
        if position is not None and position.text:
            yield from excerpt(position.text, position.column, position.length, style)
        if located.hint:
            yield from style.lines("   hint: ", located.hint, " " * len(BAR))
    yield from _totals(checked)


def _totals(checked: Checked) -> Iterator[str]:
    number = len(checked.findings)
    errors = f"{number} error{'' if number == 1 else 's'}" if number else "no errors"
    without = checked.files_without
    others = f" ({without} other file{'' if without == 1 else 's'} skipped)" if without else ""
    if not (checked.configs or number):
        yield f"No {KIND} found{others}."
        yield "   hint: check the path, or add --allow-empty"
        return
    noun = "config" if checked.configs == 1 else "configs"
    where = f" in {checked.configs} {noun}" if checked.configs else ""
    yield f"Found {errors}{where}{others}."


def _pods(manifests: "Iterable[Manifest]") -> Iterator[Pod]:
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
                yield decode_json.decode_pod(msgspec.json.encode(filled))


def _findings(
    manifest: "Manifest", pods: Sequence[Pod], *, is_redacted: bool
) -> Iterator[tuple[Located, "Position | None"]]:
    """What the API server would refuse, and what a run would; the line's text unless redacted."""
    from podcm_sync.cluster.files import mistakes

    metadata = manifest.content.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    name = "/".join(str(named[key]) for key in ("namespace", "name") if named.get(key))

    def located(manifest: "Manifest", finding: Finding) -> "tuple[Located, Position | None]":
        path, finding = mistakes.locate(manifest, finding)
        position = mistakes.position(manifest, path, finding)
        shown = withheld_finding(finding) if is_redacted else finding
        result = Located(
            file=str(manifest.path),
            line=position.line,
            column=position.column,
            name=name,
            path=shown.path,
            message=shown.message,
            hint=shown.hint,
        )
        return result, None if is_redacted else position

    of_object = list(_of_object(manifest.content, named))
    yield from (located(manifest, finding) for finding in of_object)
    if of_object:
        # It decodes with another name: what is wrong with its own is a finding already.
        fine = {**manifest.content, "metadata": {**named, "name": "unnamed"}}
        manifest = structs.replace(manifest, content=fine)
    # A decoder stops at the first value of a wrong type, so it is asked again without that value.
    broken: list[Finding] = []
    config, finding = _decoded(manifest)
    while finding is not None:
        broken.append(finding)
        yield located(manifest, finding)
        repaired = mistakes.repaired(manifest, finding) if len(broken) < MAX_BROKEN else None
        if repaired is None:
            return
        manifest = repaired
        config, finding = _decoded(manifest)
    if config is None or config.spec is None:
        return
    of_spec = [
        finding
        for finding in rules.findings(config.spec)
        if _part(finding.path) not in {_part(known.path) for known in broken}
    ]
    yield from (located(manifest, finding) for finding in of_spec)
    # An invalid selector selects nothing.
    selectable = () if of_object or broken or of_spec else pods
    for finding in _of_templates(config, config.spec, selectable):
        yield located(manifest, finding)


def _part(path: str) -> str:
    """The part of a spec that is judged as a whole: a requirement of a selector, or one value."""
    requirement = _REQUIREMENT.match(path)
    return requirement[0] if requirement else path


def _of_templates(
    config: PodConfigMapConfig, spec: PodConfigMapConfigSpec, pods: Sequence[Pod]
) -> Iterable[Finding]:
    if not spec.config_map_data_template:
        return ()
    # Late: configs without templates need no engine.
    from podcm_sync.template import check

    namespace = config.namespaced_name.namespace or DEFAULT_NAMESPACE
    matches = compile_selector(spec.pod_selector) if pods else None
    selected = [
        pod
        for pod in pods
        if matches and pod.namespaced_name.namespace == namespace and matches(pod.labels)
    ]
    return check.findings(config.namespaced_name, spec.config_map_data_template, selected)


def _of_object(content: dict[str, Any], named: dict[str, Any]) -> Iterator[Finding]:
    """What is wrong around the spec."""
    if content["apiVersion"] != API_VERSION:
        version = repr(content["apiVersion"])
        message = f"{version} is not served: use {API_VERSION}"
        yield Finding(path="apiVersion", message=message, quoted=quote(version))
    if not rules.is_subdomain(named.get("name")):
        message = "the name is missing, or has characters other than a-z, 0-9, '-', and '.'"
        yield Finding(path="metadata.name", message=message, quoted=())


def _decoded(manifest: "Manifest") -> tuple[PodConfigMapConfig | None, Finding | None]:
    """The config as far as it decodes, and the first value that doesn't."""
    try:
        config = decode_json.decode_config(msgspec.json.encode(manifest.content))
    except MalformedError as error:
        return None, error.finding
    return config, config.spec_error
