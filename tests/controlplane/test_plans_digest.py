"""`--expect-plan`: the reviewed plan and no other, by its digest, in one pass."""

import re
from pathlib import Path

import yaml

from tests import command
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import pcmc
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import change_config, make_config, names, selecting, status_of
from tests.controlplane.syncing import sync

READS = {"list", "get"}


def digest_of(done: command.Completed) -> str:
    (found,) = re.findall(r"^Plan (sha256:[0-9a-f]{64})$", done.stdout, flags=re.MULTILINE)
    return str(found)


def test_the_digest_of_a_preview_lets_the_run_after_the_merge_through(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    """Creates, an update, a delete; a new config and a changed one."""
    for name, tier in (("a", "web"), ("b", "db")):
        api.make_pod(namespace, name, labels={"tier": tier})
    make_config(api, namespace, "mine", selecting(tier="web"))
    assert sync(kubeconfig).counts == {"created": 1}
    api.patch("Pod", namespace, "a", {"status": {"phase": "Running"}}, "status")
    changed = pcmc({"labelsToInclude": ["tier"]}, namespace)
    new = pcmc(selecting(tier="db"), namespace, "new")
    file = tmp_path / "configs.yaml"
    file.write_text(yaml.safe_dump_all([changed, new]))
    preview = command.run("--dry-run", "-f", str(file), kubeconfig=kubeconfig)
    assert "2 to create, 1 to update, 0 to delete" in preview.stdout

    early = command.run("--expect-plan", digest_of(preview), kubeconfig=kubeconfig)
    assert (early.code, len(names(api, namespace))) == (4, 1)
    change_config(api, namespace, {"podSelector": None, "labelsToInclude": ["tier"]})
    make_config(api, namespace, "new", selecting(tier="db"))
    done = command.run("--expect-plan", digest_of(preview), kubeconfig=kubeconfig)
    assert done.code == 0, done.stdout + done.stderr
    assert "Done: 2 created, 1 updated, 0 deleted" in done.stdout
    assert digest_of(done) == digest_of(preview)


def test_another_plan_writes_nothing_at_all_and_says_what_it_would_have(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    reviewed = digest_of(command.run("--dry-run", kubeconfig=kubeconfig))
    api.make_pod(namespace, "unseen")
    before = status_of(api, namespace)

    mark = audit.mark()
    done = command.run("--expect-plan", reviewed, kubeconfig=kubeconfig)
    assert {each.verb for each in audit.since(mark, user_agent="podcm-sync/")} <= READS
    assert done.code == 4
    assert (names(api, namespace), status_of(api, namespace)) == ([], before)
    assert "pod-unseen-from-mine-cfg" in done.stdout
    assert "Not the expected plan, nothing was changed: 2 to create" in done.stdout
    said = r"^Plan (sha256:\w+) is not the expected (.*)$"
    (found,) = re.findall(said, done.stdout, re.MULTILINE)
    assert found[1] == reviewed
    assert (done.stdout + done.stderr).count(found[0]) == 1

    assert command.run("--expect-plan", found[0], kubeconfig=kubeconfig).code == 0
    assert len(names(api, namespace)) == 2


def test_it_is_one_digest_over_all_namespaces_and_of_the_guards_verdict(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    other = new_namespace(api)
    both = ("-n", namespace, "-n", other)
    for where in (namespace, other):
        api.make_pod(where, "web")
        make_config(api, where)
    alone, together = (
        digest_of(command.run("--dry-run", *options, kubeconfig=kubeconfig))
        for options in (both[:2], both)
    )
    assert alone != together
    assert command.run(*both, "--expect-plan", alone, kubeconfig=kubeconfig).code == 4
    assert command.run(*both, "--expect-plan", together, kubeconfig=kubeconfig).code == 0
    for where in (namespace, other):
        change_config(api, where, selecting(tier="none"))
    free = digest_of(command.run("--dry-run", *both, kubeconfig=kubeconfig))
    # The namespace that deletes most does not count for the total: the other one is too many.
    limited = (*both, "--max-prune-total", "0")
    held_back = command.run(*limited, "--expect-plan", free, kubeconfig=kubeconfig)
    assert (held_back.code, names(api, namespace) != []) == (4, True)
    nothing = digest_of(command.run("--dry-run", *limited, kubeconfig=kubeconfig))
    done = command.run(*limited, "--expect-plan", nothing, kubeconfig=kubeconfig)
    assert (done.code, "2 held back" in done.stdout, names(api, other) != []) == (4, True, True)
