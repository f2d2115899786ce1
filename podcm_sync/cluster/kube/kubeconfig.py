"""Reads kubeconfig files as client-go does: typed entries, merged, with absolute paths.

A message names a path in a file (`users[x].user.token`), never a value, which can be a credential.
The fields are those of client-go's `tools/clientcmd/api/v1`. For each field,
tests/cases/kubeconfig/fields.py has the behavior of kubectl and the test for podcm-sync.
"""

import codecs
import functools
import json
import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import yaml
from msgspec import Struct, field

from podcm_sync.cluster.kube.kubeconfig_secrets import remember
from podcm_sync.errors import InputError
from podcm_sync.runtime.masking import masker

MAX_NODES: Final = 1_000_000
"""How many values a file can have once its aliases are written out: a few aliases can stand for
more than memory holds. A file with 10,000 contexts has a quarter of this number."""
NAMES: Final = {"clusters": "cluster", "users": "user", "contexts": "context"}
"""The lists of named entries, and the key of each entry's content."""
TYPES: Final = {
    "str": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
}
_MISMATCH: Final = re.compile(r"Expected `([a-z]+).*got `([a-z]+)`")
_PLACE: Final = re.compile(r"at `\$(?:\.(\w+)\[(\d+)\])?(.*)`$")
_ENCODINGS: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
T = TypeVar("T", bound=Struct)


class Private(Struct, frozen=True, kw_only=True):
    """A struct whose repr shows none of its fields, in a traceback or elsewhere."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class Extension(Struct, frozen=True, kw_only=True):
    """Named configuration for another program, such as an exec plugin."""

    name: str = ""
    extension: Any = None


class Cluster(Private, frozen=True, kw_only=True, rename="kebab"):
    """The address of a cluster, and how to trust it."""

    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool = False
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    proxy_url: str = ""
    disable_compression: bool = False
    extensions: list[Extension] = field(default_factory=list)


class ExecEnvVar(Private, frozen=True, kw_only=True):
    """A variable for an exec plugin."""

    name: str = ""
    value: str = ""


class ExecConfig(Private, frozen=True, kw_only=True, rename="camel"):
    """An exec plugin: a command that prints credentials."""

    command: str = ""
    args: list[str] = field(default_factory=list)
    env: list[ExecEnvVar] = field(default_factory=list)
    api_version: str = ""
    install_hint: str = ""
    provide_cluster_info: bool = False
    interactive_mode: str = ""

    @property
    def mode(self) -> str:
        """`interactiveMode`; v1beta1 has the default IfAvailable, and v1 requires a value."""
        if self.api_version == "client.authentication.k8s.io/v1beta1":
            return self.interactive_mode or "IfAvailable"
        return self.interactive_mode


class AuthProviderConfig(Private, frozen=True, kw_only=True):
    """A login that is, or once was, built into kubectl."""

    name: str = ""
    config: dict[str, str] = field(default_factory=dict)


class User(Private, frozen=True, kw_only=True, rename="kebab"):
    """An identity and its credentials: client-go's `AuthInfo`."""

    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    token: str = ""
    token_file: str = field(default="", name="tokenFile")
    impersonate: str = field(default="", name="as")
    impersonate_uid: str = field(default="", name="as-uid")
    impersonate_groups: list[str] = field(default_factory=list, name="as-groups")
    impersonate_user_extra: dict[str, list[str]] = field(default_factory=dict, name="as-user-extra")
    username: str = ""
    password: str = ""
    auth_provider: AuthProviderConfig | None = None
    exec: ExecConfig | None = None

    @property
    def has_certificate(self) -> bool:
        """Whether the user has a client certificate, as data or as a file."""
        return bool(self.client_certificate or self.client_certificate_data)


class Context(Struct, frozen=True, kw_only=True):
    """The names of a cluster, a user, and a namespace."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class _NamedCluster(Private, frozen=True, kw_only=True):
    name: str = ""
    cluster: Cluster = Cluster()


class _NamedUser(Private, frozen=True, kw_only=True):
    name: str = ""
    user: User = User()


class _NamedContext(Private, frozen=True, kw_only=True):
    name: str = ""
    context: Context = Context()


class _File(Private, frozen=True, kw_only=True):
    kind: str = ""
    api_version: str = field(default="", name="apiVersion")
    clusters: list[_NamedCluster] = field(default_factory=list)
    users: list[_NamedUser] = field(default_factory=list)
    contexts: list[_NamedContext] = field(default_factory=list)
    current_context: str = field(default="", name="current-context")


class Kubeconfig(Struct, frozen=True, kw_only=True):
    """The entries of one or more merged files, by name."""

    clusters: dict[str, Cluster]
    users: dict[str, User]
    contexts: dict[str, Context]
    current_context: str

    @property
    def is_empty(self) -> bool:
        """Whether no file exists, or all files are empty."""
        return not (self.clusters or self.users or self.contexts or self.current_context)


def read(paths: Iterable[str]) -> Kubeconfig:
    """The merged files. A file that does not exist counts as empty. Raises InputError.

    As in client-go, the first file with an entry of some name provides the whole entry, and the
    first file that sets `current-context` provides that.
    """
    merged = Kubeconfig(clusters={}, users={}, contexts={}, current_context="")
    for path in dict.fromkeys(filter(None, paths)):
        content = _content(path)
        if content is None:
            continue
        parsed = _parse_file(path, content)
        base = Path(path).absolute().parent
        for cluster in parsed.clusters:
            merged.clusters.setdefault(cluster.name, _with_absolute_paths(cluster.cluster, base))
        for user in parsed.users:
            merged.users.setdefault(user.name, _with_absolute_paths(user.user, base))
        for context in parsed.contexts:
            merged.contexts.setdefault(context.name, context.context)
        if not merged.current_context:
            merged = msgspec.structs.replace(merged, current_context=parsed.current_context)
    return merged


def _content(path: str) -> bytes | None:
    """The bytes of a file, or None if it doesn't exist. Raises InputError."""
    try:
        if stat.S_ISREG(Path(path).stat().st_mode):
            return Path(path).read_bytes()
        return _content_of_pipe(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"kubeconfig {path} cannot be read: {error.strerror}") from error


@functools.cache
def _content_of_pipe(path: str) -> bytes:
    """The bytes of a pipe, cached: it gives them once, and podcm-sync can read the file again."""
    return Path(path).read_bytes()


def _parse_file(path: str, content: bytes) -> _File:
    """The entries of one file. Raises InputError.

    The masker knows the file's credentials from here on, even if the file has an error.
    """
    tree = None
    try:
        tree = parse(content)
    except ValueError as error:
        raise InputError(f"kubeconfig {path} is {error}") from None
    finally:
        # Before any other error, because an error can quote a line.
        remember(content.decode(_encoding(content), errors="replace"), tree, masker)
    if tree is None:
        return _File()
    if not isinstance(tree, dict):
        raise InputError(f"kubeconfig {path}: not a kubeconfig: it isn't a mapping")
    try:
        parsed = msgspec.convert(tree, _File)
    except msgspec.ValidationError as error:
        raise InputError(f"kubeconfig {path}: {_mismatch(str(error), tree)}") from None
    if parsed.kind not in {"", "Config"} or parsed.api_version not in {"", "v1"}:
        raise InputError(f"kubeconfig {path}: not a kubeconfig: it isn't a v1 Config")
    for section in NAMES:
        names = [entry.name for entry in getattr(parsed, section)]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise InputError(
                f"kubeconfig {path}: {section} has more than one entry with the name "
                f"{repeated[0]!r}",
                hint="remove all but one",
            )
    return parsed


def _encoding(content: bytes) -> str:
    """The encoding by the byte order mark; UTF-8 without one."""
    return _ENCODINGS.get(content[:2], "utf-8-sig")


def parse(content: bytes) -> Any:
    """YAML or JSON as JSON data. Nulls are removed, because they count as absent.

    Raises ValueError, whose text quotes nothing of the content.
    """
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError:
        raise ValueError("not text in UTF-8 or UTF-16") from None
    if text.lstrip().startswith("{"):
        # YAML doesn't allow JSON's tabs between tokens. If this fails, it can be YAML's flow style.
        with suppress(ValueError, RecursionError):
            return _Cleaner().clean(json.loads(text))
    try:
        loader = _Loader(text)
        try:
            # Like kubectl's parser, this ignores everything after the first document.
            has_document = loader.check_node()
            return _Cleaner().clean(loader.get_data() if has_document else None)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, LookupError, TypeError):
        # Some come out of PyYAML, for `!!timestamp soon`, `!!bool maybe`, and `? [a]`.
        place = ""
    # Without the cause: PyYAML's errors quote the lines around the mistake.
    raise ValueError(f"not valid YAML or JSON{place}")


class _Loader(yaml.CSafeLoader):
    """Reads plain scalars as kubectl does: `y` is true; no dates, no base 60, no `=`."""

    bool_values = {**yaml.CSafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012 - PyYAML's


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """PyYAML's rules for plain scalars, without dates and `=`, and numbers without a colon."""
    left_out = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}
    numbers = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items():
        resolvers[first] = [
            (tag, re.compile(f"(?!.*:)(?:{rule.pattern})", rule.flags) if tag in numbers else rule)
            for tag, rule in rules
            if tag not in left_out
        ]
    return resolvers


_Loader.yaml_implicit_resolvers = _resolvers()
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))


class _Cleaner:
    """Turns a parsed tree into JSON data without nulls. Raises ValueError for too many values."""

    def __init__(self) -> None:
        self._nodes = 0

    def clean(self, value: Any) -> Any:
        """The value with strings as keys, and without the keys whose value is null."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ValueError("too many values")
        if isinstance(value, dict):
            return {
                _key(key): self.clean(child) for key, child in value.items() if child is not None
            }
        if isinstance(value, list):
            return [self.clean(child) for child in value]
        return value


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _mismatch(message: str, tree: dict[str, Any]) -> str:
    """A msgspec error in kubeconfig words, with the name of an entry in place of its index."""
    place, types = _PLACE.search(message), _MISMATCH.search(message)
    path = ""
    if place is not None:
        section, number, rest = place.groups()
        if section:
            entry = tree[section][int(number)]
            name = entry.get("name") if isinstance(entry, dict) else None
            path = f"{section}[{name if isinstance(name, str) else number}]"
        path = (path + rest).lstrip(".") or "the file"
    if types is None:
        return f"{path} has the wrong type"
    expected, actual = (TYPES.get(name, "another type") for name in types.groups())
    return f"{path} must be {expected}, not {actual}"


def _with_absolute_paths(entry: T, base: Path) -> T:
    """The entry with absolute paths. Relative ones start at `base`, the folder of its file."""
    changes: dict[str, Any] = {}
    for name in ("certificate_authority", "client_certificate", "client_key", "token_file"):
        if path := getattr(entry, name, ""):
            changes[name] = os.path.normpath(base / path)
    plugin = getattr(entry, "exec", None)
    # As in client-go, a command without a slash is looked up in PATH.
    if plugin is not None and "/" in plugin.command:
        command = os.path.normpath(base / plugin.command)
        changes["exec"] = msgspec.structs.replace(plugin, command=command)
    return msgspec.structs.replace(entry, **changes)
