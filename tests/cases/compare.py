"""Reads every manifest below a directory with our reader and with kubectl's, and compares them.

    python -m tests.cases.compare DIRECTORY

Files that only we refuse are listed with the reason; a key that appears twice is one on purpose.
Exits with 1 if a file is read differently, or if only kubectl refuses it.
"""

import sys
from collections import Counter
from pathlib import Path

from podcm_sync.cluster.files import documents
from podcm_sync.cluster.files.manifests import SUFFIXES
from podcm_sync.cluster.files.yaml_reader import AliasBudget, UnreadableError
from tests.cases.kubectl import kubectl
from tests.cases.values import are_equal

SAME, BOTH_REFUSE = "read the same", "refused by both"
WE_REFUSE, KUBECTL_REFUSES, DIFFERENT = "refused by us", "refused by kubectl", "read differently"


def compare(content: bytes) -> tuple[str, str]:
    """How the two readings of a file compare, and the errors if there are any."""
    values, error = [], ""
    try:
        for document in documents.documents(documents.decode(content), AliasBudget()):
            values.append(document.value)
    except UnreadableError as failure:
        error = f"line {failure.line}: {failure}"
    theirs = kubectl().read(content)
    if error and theirs.error:
        return BOTH_REFUSE, ""
    if error:
        return WE_REFUSE, error
    if theirs.error:
        return KUBECTL_REFUSES, theirs.error
    return (SAME if are_equal(values, theirs.objects) else DIFFERENT), ""


def main() -> int:
    """Compare all files below the directory that is the first argument."""
    counts: Counter[str] = Counter()
    for path in sorted(Path(sys.argv[1]).rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        verdict, why = compare(path.read_bytes())
        counts[verdict] += 1
        if verdict not in {SAME, BOTH_REFUSE}:
            print(f"{path}: {verdict}{': ' if why else ''}{why}")
    for verdict, count in counts.most_common():
        print(f"{count:7} {verdict}")
    return 1 if counts[DIFFERENT] or counts[KUBECTL_REFUSES] else 0


if __name__ == "__main__":
    sys.exit(main())
