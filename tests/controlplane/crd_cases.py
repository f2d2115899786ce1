"""Specs of a PodConfigMapConfig, each with the API server's verdict and what it has to say.

Importable without a cluster. Two things are held to this table: the answers of a real server, and
the tool's own validation, which has to come to the same verdicts.
"""

from tests.controlplane.crd_case import (
    ANNOTATION_KEY,
    DATA_KEY,
    LABEL_KEY,
    NO_TEMPLATE,
    OMITTED,
    ONE_DATA_KEY,
    TOO_LONG_TOGETHER,
    TOO_MANY,
    Case,
    bad,
    good,
    key,
    numbered,
    unknown,
)
from tests.controlplane.crd_cases_selector import EXPRESSIONS, SELECTOR, condition

WHOLE = (
    bad("no spec", OMITTED, "spec", "Required value"),
    bad("spec null", None, "spec", "Required value"),
    bad("spec a list", [], "spec", "must be of type object"),
    good("spec empty", {}),
    unknown("an unknown field", {"labelsToIncludes": ["app"]}, "spec.labelsToIncludes"),
    unknown("a field in other case", {"LabelsToInclude": ["app"]}, "spec.LabelsToInclude"),
    good(
        "the original controller's example",
        {
            "podSelector": {"matchLabels": {"app": "my-production-app", "environment": "prod"}},
            "labelsToInclude": ["app", "version", "region"],
            "annotationsToInclude": ["buildID", "commitSHA"],
        },
    ),
    good("suspended", {"suspend": True}),
    good("not suspended", {"suspend": False}),
    good("suspend null", {"suspend": None}),
    bad("suspend yes", {"suspend": "yes"}, "spec.suspend", "must be of type boolean"),
    bad("suspend a string", {"suspend": "true"}, "spec.suspend", "must be of type boolean"),
    bad("suspend a number", {"suspend": 1}, "spec.suspend", "must be of type boolean"),
)


def labels(name: str, *keys: object) -> Case:
    return good(f"labels: {name}", {"labelsToInclude": list(keys)})


def bad_labels(name: str, *keys: object, message: str, at: str = "[0]") -> Case:
    field = f"spec.labelsToInclude{at}"
    return bad(f"labels: {name}", {"labelsToInclude": list(keys)}, field, message)


def annotations(name: str, *keys: object) -> Case:
    return good(f"annotations: {name}", {"annotationsToInclude": list(keys)})


def bad_annotations(name: str, *keys: object, message: str, at: str = "[0]") -> Case:
    field = f"spec.annotationsToInclude{at}"
    return bad(f"annotations: {name}", {"annotationsToInclude": list(keys)}, field, message)


LABELS = (
    good("labels: all null", {"labelsToInclude": None}),
    labels("none"),
    labels("64", *numbered(64)),
    labels("the longest", key(247)),
    labels("keys that meet nowhere", "a/b", "a.b", "a-b", "A_b", "b/a"),
    bad("labels: a string", {"labelsToInclude": "app"}, "spec.labelsToInclude", "type array"),
    bad_labels("65", *numbered(65), at="", message=TOO_MANY),
    bad_labels("too long", key(248), message="Too long: may not be more than 247"),
    bad_labels("empty", "", message=LABEL_KEY),
    bad_labels("null", None, message="type string"),
    bad_labels("a number", 1, message="type string"),
    bad_labels("two slashes", "a/b/c", message=LABEL_KEY),
    bad_labels("capitals in a prefix", "fine", "Foo.Com/bar", at="[1]", message=LABEL_KEY),
    bad_labels("a wildcard", "*", message=LABEL_KEY),
    bad_labels("a line break", "app\n", message=LABEL_KEY),
    bad_labels("a name of 64", "n" * 64, message=LABEL_KEY),
    bad_labels("the same twice", "app", "b", "app", at="", message=f"{ONE_DATA_KEY}label_app "),
    bad_labels("one data key", "b", "a/b", "a_b", at="", message=f"{ONE_DATA_KEY}label_a_b ('/'"),
)

ANNOTATIONS = (
    good("annotations: all null", {"annotationsToInclude": None}),
    annotations("none"),
    annotations("64", *numbered(64)),
    annotations("the longest", key(242)),
    annotations("capitals in a prefix", "Foo.Com/Bar"),
    annotations("different in case alone", "Foo.com/bar", "foo.com/bar"),
    bad_annotations("65", *numbered(65), at="", message=TOO_MANY),
    bad_annotations("too long", key(243), message="Too long: may not be more than 242"),
    bad_annotations("empty", "", message=ANNOTATION_KEY),
    bad_annotations("null", None, message="type string"),
    bad_annotations("two slashes", "fine", "a/b/c", at="[1]", message=ANNOTATION_KEY),
    bad_annotations("a line break", "a\n", message=ANNOTATION_KEY),
    # Go's ToLower, which the server applies to a Pod's annotations, makes a plain k of the Kelvin
    # sign. A Pod may have this key, but a ConfigMap's data may not.
    bad_annotations("a Kelvin sign", "\N{KELVIN SIGN}.io/a", message=ANNOTATION_KEY),
    bad_annotations("one key twice", "a", "a", at="", message=f"{ONE_DATA_KEY}annotation_a "),
    bad_annotations("one", "a/b", "a_b", at="", message=f"{ONE_DATA_KEY}annotation_a_b ('/'"),
    good("labels and annotations alike", {"labelsToInclude": ["a"], "annotationsToInclude": ["a"]}),
)


def templates(name: str, sources: object) -> Case:
    return good(f"templates: {name}", {"configMapDataTemplate": sources})


def bad_templates(name: str, sources: object, message: str, at: str = "") -> Case:
    field = f"spec.configMapDataTemplate{at}"
    return bad(f"templates: {name}", {"configMapDataTemplate": sources}, field, message)


def bad_data_key(name: str, data_key: str, shown: str = "") -> Case:
    sources = {"fine": "x", data_key: "x"}
    return bad_templates(f"a key, {name}", sources, f'"{shown or data_key}" {DATA_KEY}')


TEMPLATES = (
    templates("null", None),
    templates("none", {}),
    templates("an empty source", {"a": ""}),
    templates("a source that does not parse", {"a": "{{ if"}),
    templates("in place of other keys", {"podName": "x", "label_app": "y", "phase": "z"}),
    templates("64", dict.fromkeys(numbered(64), "x")),
    templates("keys", dict.fromkeys(["a.b-c_D", ".hidden", "...".join("ab"), "-", "k" * 253], "")),
    templates("65536 characters", {"a": "x" * 65536}),
    templates("65536 characters, 262144 bytes", {"a": "\N{GRINNING FACE}" * 65536}),
    templates("131072 characters", {"a": "x" * 65536, "b": "x" * 65536}),
    bad_templates("a list", [], "must be of type object"),
    bad_templates("65", dict.fromkeys(numbered(65), "x"), TOO_MANY),
    bad_templates("65537 characters", {"a": "x" * 65537}, "Too long: may not be more", ".a"),
    bad_templates("131073", {"a": "x" * 65536, "b": "x" * 65536, "c": "x"}, TOO_LONG_TOGETHER),
    bad_templates("a number", {"port": 80}, "must be of type string", ".port"),
    bad_templates("null as source", {"fine": "x", "url": None}, f'"url" {NO_TEMPLATE}'),
    bad_data_key("empty", ""),
    bad_data_key("one dot", "."),
    bad_data_key("two dots", ".."),
    bad_data_key("two dots and more", "..x"),
    bad_data_key("a slash", "a/b"),
    bad_data_key("a space", "a b"),
    bad_data_key("a line break", "a\n", shown="a\\n"),
    bad_data_key("not in ASCII", "é"),
    bad_data_key("254 characters", "k" * 254),
)

# Every bound at once.
FULL = {
    "podSelector": {
        "matchLabels": {f"{key(317)[:-2]}{n:02}": "v" * 63 for n in range(64)},
        "matchExpressions": [condition(key(317), "NotIn", *["v" * 63] * 64)] * 64,
    },
    "labelsToInclude": [f"{key(247)[:-2]}{n:02}" for n in range(64)],
    "annotationsToInclude": [f"{key(242)[:-2]}{n:02}" for n in range(64)],
    "configMapDataTemplate": {f"{'k' * 251}{n:02}": "x" * 2048 for n in range(64)},
    "suspend": True,
}

CASES = (
    *WHOLE,
    *SELECTOR,
    *EXPRESSIONS,
    *LABELS,
    *ANNOTATIONS,
    *TEMPLATES,
    good("every bound at once", FULL),
)
