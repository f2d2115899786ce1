"""The table in core/doctor/schema.py, from the shipped CRD: `python -m tests.shape.crd`."""

from pathlib import Path

import yaml

from podcm_sync.doctor import crd_schema

CRD = Path(__file__).parents[2] / "crd" / "podconfigmapconfig_crd.yaml"
BEGIN = "FIELDS: Final[dict[str, str]] = {\n"


def with_table(text: str) -> str:
    """The module with the table as the CRD has it now."""
    crd = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    found = crd_schema.fields(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    rows = "".join(f'    "{path}": "{digest}",\n' for path, digest in found.items())
    return f"{text.partition(BEGIN)[0]}{BEGIN}{rows}}}\n"


if __name__ == "__main__":
    module = Path(crd_schema.__file__)
    module.write_text(with_table(module.read_text(encoding="utf-8")), encoding="utf-8")
