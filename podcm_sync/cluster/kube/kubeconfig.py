"""Kubeconfig files with client-go's meaning: typed entries, merged, their paths made absolute.

A message names a path in a file (`users[x].user.token`), never a value: values are credentials.
The fields are those of client-go's `tools/clientcmd/api/v1`; tests/cases/kubeconfig/fields.py has,
for each of them, what kubectl does and the test that holds podcm-sync to it.
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
"""How many values a file may hold with its aliases written out; a few aliases can stand for all
memory there is. A file with 10,000 contexts has a quarter of that."""
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
    """A value that shows none of its fields, in a traceback or elsewhere."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class Extension(Struct, frozen=True, kw_only=True):
    """A named piece of configuration for another program."""

    name: str = ""
    extension: Any = None


class Cluster(Private, frozen=True, kw_only=True, rename="kebab"):
    """Where a cluster is, and how to trust it."""

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
        """`interactiveMode`, which only v1beta1 allows to be absent."""
        if self.api_version == "client.authentication.k8s.io/v1beta1":
            return self.interactive_mode or "IfAvailable"
        return self.interactive_mode


class AuthProviderConfig(Private, frozen=True, kw_only=True):
    """A login that kubectl has built in, or once had."""

    name: str = ""
    config: dict[str, str] = field(default_factory=dict)


class User(Private, frozen=True, kw_only=True, rename="kebab"):
    """Who asks: client-go's `AuthInfo`."""

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
        """Whether there is a client certificate in the kubeconfig, or a file of one."""
        return bool(self.client_certificate or self.client_certificate_data)


class Context(Struct, frozen=True, kw_only=True):
    """A cluster, a user and a namespace, by name."""

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
    """One or more files as one. `is_empty` if none of them exists or says anything."""

    clusters: dict[str, Cluster]
    users: dict[str, User]
    contexts: dict[str, Context]
    current_context: str

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.clusters or self.users or self.contexts or self.current_context)


def read(paths: Iterable[str]) -> Kubeconfig:
    """The files as one; a file that does not exist counts as empty. Raises InputError.

    The first file that has an entry of some name provides the whole entry, and the first that sets
    `current-context` provides that.
    """
    merged = Kubeconfig(clusters={}, users={}, contexts={}, current_context="")
    for path in dict.fromkeys(filter(None, paths)):
        content = _content(path)
        if content is None:
            continue
        # Before anything can go wrong with it: an error may quote a line.
        remember(content.decode(_encoding(content), errors="replace"), masker)
        parsed = _typed(path, content)
        base = Path(path).absolute().parent
        for named in parsed.clusters:
            merged.clusters.setdefault(named.name, _with_paths(named.cluster, base))
        for entry in parsed.users:
            merged.users.setdefault(entry.name, _with_paths(entry.user, base))
        for placed in parsed.contexts:
            merged.contexts.setdefault(placed.name, placed.context)
        if not merged.current_context:
            merged = msgspec.structs.replace(merged, current_context=parsed.current_context)
    return merged


def _content(path: str) -> bytes | None:
    """A file's bytes; None if there is no such file. Raises InputError."""
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
    """A pipe gives its bytes once, and the configuration may be read again later."""
    return Path(path).read_bytes()


def _typed(path: str, content: bytes) -> _File:
    """The entries of one file. Raises InputError."""
    try:
        tree = parse(content)
    except ValueError as error:
        raise InputError(f"kubeconfig {path} is {error}") from None
    if tree is None:
        return _File()
    if not isinstance(tree, dict):
        raise InputError(f"kubeconfig {path} is not a kubeconfig: it must be a mapping")
    try:
        parsed = msgspec.convert(tree, _File)
    except msgspec.ValidationError as error:
        raise InputError(f"kubeconfig {path}: {_mismatch(str(error), tree)}") from None
    if parsed.kind not in {"", "Config"} or parsed.api_version not in {"", "v1"}:
        raise InputError(f"kubeconfig {path} is not a kubeconfig: it must be a v1 Config")
    for section in NAMES:
        names = [entry.name for entry in getattr(parsed, section)]
        if repeated := [name for name in names if names.count(name) > 1]:
            raise InputError(
                f"kubeconfig {path}: {section} has more than one entry with the name "
                f"{repeated[0]!r}: remove all but one"
            )
    return parsed


def _encoding(content: bytes) -> str:
    """The encoding that the byte order mark names, UTF-8 without one."""
    return _ENCODINGS.get(content[:2], "utf-8-sig")


def parse(content: bytes) -> Any:
    """YAML or JSON as JSON data, without nulls, which count as absent.

    Raises ValueError with a text that quotes nothing.
    """
    try:
        text = content.decode(_encoding(content))
    except UnicodeDecodeError:
        raise ValueError("not text in UTF-8 or UTF-16") from None
    if text.lstrip().startswith("{"):
        # YAML allows no tabs between JSON's tokens. What fails may be YAML's flow style.
        with suppress(ValueError, RecursionError):
            return _Cleaner().clean(json.loads(text))
    try:
        loader = _Loader(text)
        try:
            # Like kubectl's parser, this ignores what follows the first document.
            has_document = loader.check_node()
            return _Cleaner().clean(loader.get_data() if has_document else None)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, LookupError, TypeError):
        # Some are PyYAML's own, of `!!timestamp soon`, `!!bool maybe` and `? [a]`.
        place = ""
    # Without the cause: PyYAML's errors quote the lines around the mistake.
    raise ValueError(f"not valid YAML or JSON{place}")


class _Loader(yaml.CSafeLoader):
    """YAML's plain scalars as kubectl reads them: `y` is true; no dates, no base-60, no `=`."""

    bool_values = {**yaml.CSafeLoader.bool_values, "y": True, "n": False}  # noqa: RUF012 - PyYAML's


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    without = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value"}
    numbers = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items():
        resolvers[first] = [
            (tag, re.compile(f"(?!.*:)(?:{rule.pattern})", rule.flags) if tag in numbers else rule)
            for tag, rule in rules
            if tag not in without
        ]
    return resolvers


_Loader.yaml_implicit_resolvers = _resolvers()
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("[yYnN]$"), list("yYnN"))


class _Cleaner:
    """Turns a parsed tree into JSON data without nulls. Raises ValueError for one without end."""

    def __init__(self) -> None:
        self._nodes = 0

    def clean(self, value: Any) -> Any:
        """The same value with text for keys, and without the keys whose value is null."""
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
    """Msgspec's message in our words, with an entry's name in place of its number."""
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
    wanted, actual = (TYPES.get(name, "another type") for name in types.groups())
    return f"{path} must be {wanted}, not {actual}"


def _with_paths(entry: T, base: Path) -> T:
    """The entry with its paths made absolute by the folder of its own file."""
    changes: dict[str, Any] = {}
    for name in ("certificate_authority", "client_certificate", "client_key", "token_file"):
        if path := getattr(entry, name, ""):
            changes[name] = os.path.normpath(base / path)
    plugin = getattr(entry, "exec", None)
    # Without a slash the command is looked up in PATH.
    if plugin is not None and "/" in plugin.command:
        command = os.path.normpath(base / plugin.command)
        changes["exec"] = msgspec.structs.replace(plugin, command=command)
    return msgspec.structs.replace(entry, **changes)
