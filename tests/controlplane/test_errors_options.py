"""Options that cannot be meant: exit 2, one line that says what to write, nothing asked (spec §7).

No kubeconfig is given in any of these: an option is looked at before anything else.
"""

from collections.abc import Sequence

import pytest

from tests.controlplane import command

# What is said of it has these words.
BAD: list[tuple[Sequence[str], Sequence[str]]] = [
    (["--nonsense"], ["--nonsense"]),
    (["nonsense"], ["nonsense"]),
    (["-n"], ["-n"]),
    (["--max-prune", "some"], ["--max-prune", "'some'", "50%"]),
    (["--max-prune", "-1"], ["--max-prune", "'-1'"]),
    (["--max-prune", "101%"], ["--max-prune", "'101%'"]),
    (["--max-prune", "1.5"], ["--max-prune", "'1.5'"]),
    (["--max-prune", ""], ["--max-prune"]),
    (["--request-timeout", "soon"], ["--request-timeout", "'soon'", "30s"]),
    (["--request-timeout", "-1s"], ["--request-timeout", "'-1s'"]),
    (["--request-timeout", ""], ["--request-timeout"]),
    (["-o", "nonsense"], ["nonsense", "text"]),
    (["--color", "green"], ["green", "never"]),
    (["--concurrency", "0"], ["--concurrency"]),
    (["--concurrency", "many"], ["--concurrency"]),
    (["--concurrency", "1000000"], ["--concurrency", "256"]),
    (["-n", "Default"], ["'Default'", "namespace"]),
    (["-n", "a/b"], ["'a/b'"]),
    (["-n", "a.b"], ["'a.b'"]),
    (["-n", ".."], ["'..'"]),
    (["-n", ""], ["''"]),
    (["-n", "a,b"], ["'a,b'"]),
    (["-n", "a\n"], ["namespace"]),
    (["-n", "x" * 64], ["x" * 64]),
    (["-n", "fine", "-n", "not_fine"], ["'not_fine'"]),
    (["-n", "default", "-A"], ["-n", "-A", "not both"]),
    (["--all-namespaces", "--namespace", "default"], ["-n", "-A"]),
    (["--from", ".", "--context", "x"], ["--from", "--context"]),
    (["--from", ".", "--kubeconfig", "x"], ["--from", "--kubeconfig"]),
    (["--from", ".", "--as", "x"], ["--from", "--as"]),
    (["-f", "x.yaml"], ["-f only previews", "--dry-run", "kubectl apply"]),
    (["--dry-run", "--only-files"], ["--only-files", "add -f"]),
    (["--plan-out", "x.json"], ["--plan-out", "--dry-run"]),
    (["--dry-run", "--plan-out", "-"], ["--plan-out", "name a file"]),
    (["--dry-run", "--loop", "--plan-out", "x.json"], ["--loop", "--plan-out"]),
    (["--expect-plan", "sha256:abc"], ["--expect-plan", "64 hex digits"]),
    (["--expect-plan", ""], ["--expect-plan", "64 hex digits"]),
    (["--loop", "--expect-plan", f"sha256:{'0' * 64}"], ["--loop", "--expect-plan"]),
    (["--dry-run", "apply", "x.json"], ["--dry-run stands before apply", "has no such option"]),
    (["-A", "rbac"], ["--all-namespaces stands before rbac: write it after"]),
    (["--listen", ":80", "rbac"], ["--listen stands before rbac", "has no such option"]),
    (["-n", "shop", "show", "x.json"], ["--namespace stands before show"]),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[" ".join(a)[:40] for a, _ in BAD])
def test_a_bad_option_is_one_line(arguments: Sequence[str], words: Sequence[str]) -> None:
    """Spec §7: what failed and what to do, and where the options are shown."""
    done = command.run(*arguments, kubeconfig=None)
    assert (done.code, done.stdout) == (2, "")
    error = command.error_of(done)
    assert done.stderr.count("\n") == 1
    assert error.isprintable()
    for word in (*words, "--help"):
        assert word in error


ENVIRONMENT = {
    "PODCM_SYNC_EXPECT_PLAN": "",
    "PODCM_SYNC_MAX_PRUNE": "some",
    "PODCM_SYNC_REQUEST_TIMEOUT": "soon",
    "PODCM_SYNC_OUTPUT": "nonsense",
    "PODCM_SYNC_COLOR": "green",
    "PODCM_SYNC_CONCURRENCY": "0",
    "PODCM_SYNC_NAMESPACE": "Not_A_Namespace",
    "PODCM_SYNC_DRY_RUN": "perhaps",
    "PODCM_SYNC_ALL_NAMESPACES": "perhaps",
}


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_bad_value_in_the_environment_is_one_line(name: str) -> None:
    """Spec §7: every option has an environment variable; it is checked alike, and named."""
    done = command.run("--exit-code", kubeconfig=None, env={name: ENVIRONMENT[name]})
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert name in command.error_of(done)


def test_an_option_comes_before_its_environment_variable() -> None:
    """Spec §7: option, environment, default: here the option's value is the one at fault."""
    env = {"PODCM_SYNC_MAX_PRUNE": "some", "PODCM_SYNC_CONCURRENCY": "0"}
    options = ["--max-prune", "other", "--concurrency", "1"]
    error = command.error_of(command.run(*options, kubeconfig=None, env=env))
    assert "'other'" in error
    assert "some" not in error
