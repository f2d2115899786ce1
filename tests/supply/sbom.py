"""Bills of materials in CycloneDX JSON: `python -m tests.supply.sbom` writes them to dist/.

The wheel has Python files and the template engine, which is Go modules compiled to WebAssembly. The
image adds the packages of its lock file and its base. The same sources always give the same bill.
"""

import base64
import hashlib
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import msgspec
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from podcm_sync import __version__
from podcm_sync.template.engine import hatch_build
from tests.image.base import base_image
from tests.shape.readme import ROOT
from tests.supply import lock
from tests.template import native

NAME = "podcm-sync"
OWN = PackageURL("pypi", name=NAME, version=__version__)


def wheel() -> str:
    """What the wheel contains, with the engine that was built here."""
    go = hatch_build.STAMP.read_text(encoding="utf-8").split()[1].removeprefix("go")
    engine = hashlib.sha256(hatch_build.OUTPUT.read_bytes()).hexdigest()
    return _bill(_component(OWN), [_engine(engine), *go_modules(), _go(go)])


def image() -> str:
    """What the image contains, with the packages and the Go that its build pins."""
    whole = _component(PackageURL("oci", name=NAME, version=__version__), ComponentType.CONTAINER)
    packages = [
        _component(PackageURL("pypi", name=name, version=version))
        for name, version in lock.pins("runtime.txt").items()
    ]
    go = hatch_build.GO_PACKAGE.partition("==")[2]
    own = [_component(OWN), _engine(), *go_modules(), _go(go)]
    return _bill(whole, [*own, *packages, _base()])


def go_modules() -> Iterator[Component]:
    """The modules that go.mod requires, each with the hash that go.sum has of its files."""
    command = [native.go(), "mod", "edit", "-json"]
    environment = hatch_build.environment()
    done = subprocess.run(
        command, cwd=hatch_build.HERE, env=environment, check=True, capture_output=True
    )
    sums = (hatch_build.HERE / "go.sum").read_text(encoding="utf-8")
    hashes = dict(re.findall(r"^(\S+ \S+) h1:(\S+)$", sums, re.MULTILINE))
    requirements: list[dict[str, Any]] = msgspec.json.decode(done.stdout)["Require"]
    for module in requirements:
        namespace, _, name = module["Path"].rpartition("/")
        digest = base64.b64decode(hashes[f"{module['Path']} {module['Version']}"]).hex()
        purl = PackageURL("golang", namespace or None, name, module["Version"])
        yield _component(purl, digest=digest)


def violations(text: str) -> str:
    """How a bill violates CycloneDX's schema; "" if it is valid."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return "" if error is None else str(error)


def _component(
    purl: PackageURL, kind: ComponentType = ComponentType.LIBRARY, digest: str = ""
) -> Component:
    """A component whose reference is its purl; `digest` is a SHA-256 in hexadecimal."""
    return Component(
        name=f"{purl.namespace}/{purl.name}" if purl.namespace else purl.name,
        version=purl.version,
        type=kind,
        purl=purl,
        bom_ref=purl.to_string(),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else None,
    )


def _engine(digest: str = "") -> Component:
    purl = PackageURL("generic", NAME, "engine.wasm", __version__)
    return _component(purl, ComponentType.APPLICATION, digest)


def _go(version: str) -> Component:
    """Go's standard library, which is compiled into the engine."""
    return _component(PackageURL("golang", name="std", version=version))


def _base() -> Component:
    name, _, digest = base_image(ROOT / "Dockerfile").partition("@")
    repository, _, tag = name.partition(":")
    purl = PackageURL("oci", name=repository, version=digest, qualifiers={"tag": tag})
    return _component(purl, ComponentType.CONTAINER)


def _bill(whole: Component, parts: list[Component]) -> str:
    bom = Bom(components=parts)
    bom.metadata.component = whole
    bom.register_dependency(whole, parts)
    content = msgspec.json.decode(JsonV1Dot6(bom).output_as_string())
    del content["serialNumber"], content["metadata"]["timestamp"]
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def main() -> None:
    folder = ROOT / "dist"
    folder.mkdir(exist_ok=True)
    for kind, text in (("wheel", wheel()), ("image", image())):
        assert not violations(text), violations(text)
        path = folder / f"{NAME}-{__version__}.{kind}.cdx.json"
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
