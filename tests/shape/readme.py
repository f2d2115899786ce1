"""The parts of the documents that the code gives; `python -m tests.shape.readme` writes them.

Each table and each screen (screens.py) is between `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
"""

import re
from pathlib import Path
from typing import Any

import typer.main

from podcm_sync import passes
from podcm_sync.api import decode_watch
from podcm_sync.api.reasons import REASONS
from podcm_sync.cli import app, help_text
from podcm_sync.cli.app import VERBS
from podcm_sync.cli.option import Group, Parameter, parameters
from podcm_sync.cli.sync_options import SyncOptions
from podcm_sync.cluster.files import yaml_reader
from podcm_sync.cluster.kube import (
    apierrors,
    exec_plugin,
    kubeconfig,
    retry,
    stream,
    transport,
    watch_receiver,
)
from podcm_sync.errors import EXIT_CODES
from podcm_sync.metrics import listen, push
from podcm_sync.metrics.table import MAX_NAMESPACES, METRICS
from podcm_sync.output import markdown
from podcm_sync.rbac.rights import RIGHTS
from podcm_sync.reconcile import managed_fields, validate
from podcm_sync.reconcile.bounds import BOUNDS, MIB, BoundInfo
from podcm_sync.template import instance
from podcm_sync.watch import lives, pass_workers
from tests.shape.screens import PICTURE, commands, picture, screens

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
SECURITY = ROOT / ".github" / "SECURITY.md"
BENCHMARKS = ROOT / "tests" / "benchmarks" / "README.md"
# tests/template/docs.py makes the parts of templates.md.
GUIDES = tuple(path for path in sorted((ROOT / "docs").glob("*.md")) if path.name != "templates.md")
DOCUMENTS = (README, *GUIDES, SECURITY)


def tables() -> dict[str, str]:
    """Each generated table by its name."""
    return {
        "commands": _commands(),
        "options": _options(),
        "exit-codes": _exit_codes(),
        "reasons": _reasons(),
        "metrics": _metrics(),
        "rights": _rights(),
        "bounds": _bounds(),
        "limits": _limits(),
    }


def parts() -> dict[str, str]:
    """Each generated part of the documents by its name: tables, screens, and measured figures."""
    return tables() | screens() | measured()


def measured() -> dict[str, str]:
    """The figures that tests/benchmarks/README.md has, of which a page repeats a part."""
    large = _rows_measured("| work | seconds | client CPU s | peak MiB |")
    named = ("| work |", "| --- |", "| first sync |", "| no-op sync |", "| churn sync |")
    scale = _rows_measured("| Pods | namespaces | seconds | CPU s | peak MiB |")
    return {
        "measured-large": "\n".join(row for row in large if row.startswith(named)),
        "measured-scale": "\n".join("|".join(row.split("|")[:6]) + "|" for row in scale),
    }


def _rows_measured(head: str) -> list[str]:
    """The rows of the benchmarks' table whose head begins like this."""
    text = BENCHMARKS.read_text(encoding="utf-8")
    found = re.search(rf"(?m)^{re.escape(head)}.*\n(?:\|.*\n)+", text)
    assert found, f"the benchmarks have no table with {head}"
    return found[0].replace("|---", "| --- ").rstrip("\n").splitlines()


def with_parts(text: str) -> str:
    """The document with each of its generated parts as the code gives it now."""
    for name, part in parts().items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        assert text.count(begin) == text.count(end) < 2, f"there is one place for {name}"
        if begin not in text:
            continue
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{part}\n{end}{rest.partition(end)[2]}"
    return text


def rows_of(text: str, section: str) -> list[list[str]]:
    """The cells of each row of the first table below the heading of that name, without its head."""
    _, _, below = text.partition(f"\n## {section}\n")
    lines = below.partition("\n## ")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) > 2, f"there is no table below {section}"
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def option_names() -> set[str]:
    """Every name of every option, of the command and of its subcommands."""
    command: Any = typer.main.get_command(app)
    return {
        name
        for each in (command, *command.commands.values())
        for parameter in each.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def _commands() -> str:
    rows = [_row(f"`podcm-sync {name}`", meaning) for name, meaning in commands().items()]
    return _table(("command", "meaning"), rows)


def _options() -> str:
    """The options of a run, in the groups of `podcm-sync options`, then those of commands only."""
    of_runs = list(parameters(SyncOptions))
    tables = []
    for group in Group:
        rows = [
            _row(*_option(parameter), _code(parameter.option.variable or ""), parameter.option.help)
            for parameter in of_runs
            if parameter.option.group is group
        ]
        head = ("option", "argument", "default", "variable", "meaning")
        tables.append(f"**{group}**\n\n{_table(head, rows)}")
    names = {parameter.option.name for parameter in of_runs}
    rows = [
        _row(f"`{name}`", *_option(parameter), parameter.option.help)
        for name, verb in VERBS.items()
        for parameter in verb.parameters
        if parameter.option.flags and parameter.option.name not in names
    ]
    head = ("command", "option", "argument", "default", "meaning")
    return "\n\n".join([*tables, f"**Single commands**\n\n{_table(head, rows)}"])


def _option(parameter: Parameter) -> tuple[str, str, str]:
    """The cells of an option: its names, its argument, and its default."""
    names = ", ".join(_code(name) for name in re.split("[ /]", parameter.option.flags))
    if parameter.is_flag:
        return names, "", names.partition(",")[0] if parameter.default is True else ""
    return names, _code(help_text._metavar(parameter)), _code(help_text._default(parameter))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _exit_codes() -> str:
    return _table(
        ("code", "meaning"), [_row(f"`{code}`", said) for code, said in EXIT_CODES.items()]
    )


def _reasons() -> str:
    rows = [
        _row(f"`{reason}`", row.reason_class, row.meaning, row.action)
        for reason, row in REASONS.items()
    ]
    return _table(("reason", "kind", "meaning", "what to do"), rows)


def _metrics() -> str:
    rows = [
        _row(
            f"`{row.name}`",
            row.type,
            ", ".join(f"`{label}`" for label in row.labels),
            row.meaning.replace("<", "&lt;"),
        )
        for row in METRICS
    ]
    return _table(("metric", "type", "labels", "meaning"), rows)


def _rights() -> str:
    rows = [
        _row(right.verb, f"`{right.qualified_resource}`", right.required_for, right.purpose)
        for right in RIGHTS
    ]
    return _table(("verb", "resource", "needed", "for"), rows)


def _bounds() -> str:
    """A table for each thing that is bounded, in the order of the bounds."""
    groups: dict[str, list[str]] = {"A namespace": [], "A run": [], "Templates": []}
    for bound, info in BOUNDS.items():
        group = "A run" if bound.startswith(("run-", "page-", "wasted-")) else "A namespace"
        row = _row(
            f"`{bound}`",
            f"{info.limit // MIB} MiB" if info.unit == "bytes" else f"{info.limit:,} {info.unit}",
            info.meaning + _share(info),
            info.effect,
        )
        groups["Templates" if "template" in bound else group].append(row)
    head = ("bound", "at most", "what it bounds", "if exceeded")
    return "\n\n".join(f"**{name}**\n\n{_table(head, rows)}" for name, rows in groups.items())


def _share(info: BoundInfo) -> str:
    if not info.share:
        return ""
    share = f"{info.share // MIB} MiB" if info.unit == "bytes" else f"{info.share:,}"
    return f" (those with more than {share} each)"


def _limits() -> str:
    rows = [
        (passes.MAX_PASSES, "passes of a namespace whose writes meet conflicts"),
        (retry.ATTEMPTS, "attempts of one request"),
        (int(retry.MAX_RETRY_AFTER_SECONDS), "seconds of a wait that a server asks for"),
        (transport.MAX_ANSWER_BYTES, "bytes of an answer, unpacked; pages have a lower bound"),
        (apierrors.MAX_MESSAGE, "characters of a server's message that a line repeats"),
        (decode_watch.MAX_EVENT_BYTES, "bytes of one event of a watch"),
        (stream.PENDING_BYTES, "bytes that come of a watch at once, unpacked"),
        (stream.REFUSAL_BYTES, "bytes to read of the refusal of a watch"),
        (int(watch_receiver.REST_SECONDS), "seconds for the rest of an event"),
        (
            int(lives.SILENT_SECONDS),
            "seconds of silence of a watch, after which its namespace deletes nothing",
        ),
        (pass_workers.WORKERS, "namespaces with a pass at the same time (`--watch`)"),
        (pass_workers.MOST_WORKERS, "namespaces with a pass at the same time while all hang"),
        (
            yaml_reader.MAX_ALIAS_NODES,
            "nodes that the aliases of YAML manifests add, over a file or a directory",
        ),
        (yaml_reader.MAX_ALIAS_BYTES, "bytes of text that those aliases add"),
        (kubeconfig.MAX_NODES, "values of a kubeconfig file, its aliases written out"),
        (exec_plugin.MAX_OUTPUT_BYTES, "bytes that an exec plugin prints"),
        (validate.MAX_ITEMS, "included labels, included annotations, or templates of a config"),
        (validate.MAX_TEMPLATE, "characters of one template"),
        (validate.MAX_TEMPLATES, "characters of all templates of a config"),
        (instance.MAX_MEMORY, "bytes of memory of a template sandbox"),
        (managed_fields.MAX_DATA_BYTES, "bytes of data of one generated ConfigMap"),
        (markdown.DEFAULT_MAX_BYTES, "bytes of a Markdown report (`--max-bytes`)"),
        (MAX_NAMESPACES, "namespaces that a metric names; beyond that it is one sum"),
        (int(push.PUSH_SECONDS), "seconds for a push to the Pushgateway"),
        (listen.MAX_CONNECTIONS, "connections to `--listen` at once"),
        (listen.MAX_HEAD_BYTES, "bytes of a request's head to `--listen`"),
        (int(listen.EXCHANGE_SECONDS), "seconds for that head, and again for the answer"),
    ]
    return _table(("at most", "what"), [_row(f"{limit:,}", what) for limit, what in rows])


def _table(head: tuple[str, ...], rows: list[str]) -> str:
    return "\n".join([_row(*head), _row(*("---" for _ in head)), *rows])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    for path in DOCUMENTS:
        path.write_text(with_parts(path.read_text(encoding="utf-8")), encoding="utf-8")
    PICTURE.write_text(picture(), encoding="utf-8")
