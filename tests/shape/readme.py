"""The documents' tables, made from the code's own; `python -m tests.shape.readme` writes them anew.

Each stands between `<!-- begin: NAME -->` and `<!-- end: NAME -->`.
"""

from pathlib import Path
from typing import Any

import typer.main

from podcm_sync import apply
from podcm_sync.cli.commands import app
from podcm_sync.cluster.kube import retry
from podcm_sync.core import managed, validate
from podcm_sync.core.bounds import BOUNDS, MIB, BoundInfo
from podcm_sync.errors import EXIT_CODES
from podcm_sync.metrics import listen, push
from podcm_sync.metrics.table import MAX_NAMESPACES, METRICS
from podcm_sync.model.reasons import REASONS
from podcm_sync.model.rights import RIGHTS
from podcm_sync.render import markdown
from podcm_sync.template import instance

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
SECURITY = ROOT / ".github" / "SECURITY.md"
DOCUMENTS = (README, ROOT / "docs" / "reference.md", ROOT / "docs" / "operations.md", SECURITY)


def tables() -> dict[str, str]:
    """Each generated table by its name."""
    return {
        "options": _options(),
        "exit-codes": _exit_codes(),
        "reasons": _reasons(),
        "metrics": _metrics(),
        "rights": _rights(),
        "bounds": _bounds(),
        "limits": _limits(),
    }


def with_tables(text: str) -> str:
    """A document with each generated table that it has as the code has it now."""
    for name, table in tables().items():
        begin, end = f"<!-- begin: {name} -->\n", f"<!-- end: {name} -->"
        assert text.count(begin) == text.count(end) < 2, f"there is one place for {name}"
        if begin not in text:
            continue
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}{table}\n{end}{rest.partition(end)[2]}"
    return text


def rows_of(text: str, section: str) -> list[list[str]]:
    """The cells of each row of the first table below the heading of that name, without its head."""
    _, _, below = text.partition(f"\n## {section}\n")
    lines = below.partition("\n## ")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) > 2, f"there is no table below {section}"
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


def options() -> list[Any]:
    """The command's options that have a variable in the environment."""
    return [each for each in typer.main.get_command(app).params if getattr(each, "envvar", None)]


def option_names() -> set[str]:
    """Every name of every option, of the command and of its subcommands."""
    command: Any = typer.main.get_command(app)
    return {
        name
        for each in (command, *command.commands.values())
        for parameter in each.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def _options() -> str:
    rows = [
        _row(
            ", ".join(f"`{name}`" for name in (*each.opts, *each.secondary_opts)),
            f"`{each.envvar}`",
            each.help,
        )
        for each in options()
    ]
    return _table(("option", "environment", "meaning"), rows)


def _exit_codes() -> str:
    return _table(
        ("code", "meaning"), [_row(f"`{code}`", said) for code, said in EXIT_CODES.items()]
    )


def _reasons() -> str:
    rows = [
        _row(f"`{reason}`", row.kind, row.meaning, row.action) for reason, row in REASONS.items()
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
        _row(right.verb, f"`{right.qualified_resource}`", right.need, right.purpose)
        for right in RIGHTS
    ]
    return _table(("verb", "resource", "needed", "for"), rows)


def _bounds() -> str:
    rows = [
        _row(
            f"`{bound}`",
            f"{info.limit // MIB} MiB" if info.unit == "bytes" else f"{info.limit:,} {info.unit}",
            info.meaning + _share(info),
            info.effect,
        )
        for bound, info in BOUNDS.items()
    ]
    return _table(("bound", "at most", "what it bounds", "what is past it"), rows)


def _share(info: BoundInfo) -> str:
    if not info.share:
        return ""
    share = f"{info.share // MIB} MiB" if info.unit == "bytes" else f"{info.share:,}"
    return f" (those with more than {share} each)"


def _limits() -> str:
    rows = [
        (apply.MAX_PASSES, "passes of a namespace whose writes meet conflicts"),
        (retry.ATTEMPTS, "attempts of one request"),
        (validate.MAX_ITEMS, "included labels, included annotations, or templates of a config"),
        (validate.MAX_TEMPLATE, "characters of one template"),
        (validate.MAX_TEMPLATES, "characters of all templates of a config"),
        (instance.MAX_MEMORY, "bytes of memory of a template sandbox"),
        (managed.MAX_DATA_BYTES, "bytes of data of one generated ConfigMap"),
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
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
