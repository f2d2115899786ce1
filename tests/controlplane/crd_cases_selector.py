"""The lines of the table of specs that are about spec.podSelector."""

from tests.controlplane.crd_case import (
    LABEL_KEY,
    LABEL_VALUE,
    NO_LABEL_VALUE,
    OPERATOR,
    TOO_MANY,
    VALUES_MISSING,
    VALUES_SUPERFLUOUS,
    Case,
    bad,
    good,
    key,
    numbered,
    unknown,
)


def selects(name: str, selector: object) -> Case:
    return good(f"selector: {name}", {"podSelector": selector})


def bad_selector(name: str, selector: object, field: str, message: str) -> Case:
    return bad(f"selector: {name}", {"podSelector": selector}, f"spec.podSelector{field}", message)


def bad_label(name: str, label: object, message: str, field: str = "") -> Case:
    return bad_selector(name, {"matchLabels": label}, f".matchLabels{field}", message)


SELECTOR = (
    selects("it is null", None),
    selects("empty", {}),
    bad_selector("a list", [], "", "must be of type object"),
    bad_selector("a string", "app=web", "", "must be of type object"),
    unknown("selector: unknown field", {"podSelector": {"app": "web"}}, "spec.podSelector.app"),
    selects("matchLabels null", {"matchLabels": None}),
    selects("matchLabels empty", {"matchLabels": {}}),
    selects("a label with a prefix", {"matchLabels": {"app.kubernetes.io/name": "web"}}),
    selects("an empty label value", {"matchLabels": {"app": ""}}),
    selects("the longest label", {"matchLabels": {key(317): "v" * 63}}),
    selects("64 labels", {"matchLabels": dict.fromkeys(numbered(64), "x")}),
    selects("capitals in a name", {"matchLabels": {"example.com/App_Name.v2": "A_b.C-9"}}),
    bad_label("65 labels", dict.fromkeys(numbered(65), "x"), TOO_MANY),
    bad_label("a label key too long", {key(318): "x"}, LABEL_KEY),
    bad_label("a label key far too long", {"k" * 9000: "x"}, LABEL_KEY),
    bad_label("an empty label key", {"": "x"}, f'"" is {LABEL_KEY}'),
    bad_label("two slashes", {"a/b/c": "x"}, f'"a/b/c" is {LABEL_KEY}'),
    bad_label("an empty prefix", {"/app": "x"}, LABEL_KEY),
    bad_label("an empty name", {"example.com/": "x"}, LABEL_KEY),
    bad_label("capitals in a prefix", {"Example.com/app": "x"}, LABEL_KEY),
    bad_label("a key with a space", {"fine": "x", "my app": "x"}, f'"my app" is {LABEL_KEY}'),
    bad_label("a key with a line break", {"app\n": "x"}, f'"app\\n" is {LABEL_KEY}'),
    bad_label("a name of 64", {"n" * 64: "x"}, LABEL_KEY),
    bad_label("a key not in ASCII", {"café": "x"}, f'"café" is {LABEL_KEY}'),
    bad_label("a value with a space", {"app": "my app"}, LABEL_VALUE, "[app]"),
    bad_label("a value with a line break", {"app": "web\n"}, LABEL_VALUE, "[app]"),
    bad_label("a value with a slash", {"app": "a/b"}, LABEL_VALUE, "[app]"),
    bad_label("a value that ends with -", {"app": "web-"}, LABEL_VALUE, "[app]"),
    bad_label("a value not in ASCII", {"app": "é"}, LABEL_VALUE, "[app]"),
    bad_label("a value of 64", {"app": "v" * 64}, "Too long: may not be more than 63", ".app"),
    bad_label("a number as value", {"version": 2}, "must be of type string", ".version"),
    # In YAML, `app:` with nothing after it. Dropped, it would leave a selector of every Pod.
    bad_label("null as value", {"app": None}, f'"app" {NO_LABEL_VALUE}'),
)


def condition(key: object, operator: object, *values: object) -> dict[str, object]:
    return {"key": key, "operator": operator} | ({"values": list(values)} if values else {})


def expresses(name: str, *items: object) -> Case:
    return selects(name, {"matchExpressions": list(items)})


def bad_expression(name: str, item: object, field: str, message: str) -> Case:
    return bad_selector(name, {"matchExpressions": [item]}, f".matchExpressions[0]{field}", message)


EXPRESSIONS = (
    selects("matchExpressions null", {"matchExpressions": None}),
    selects("matchExpressions empty", {"matchExpressions": []}),
    expresses("In and NotIn", condition("tier", "In", "a"), condition("tier", "NotIn", "b")),
    expresses("Exists and DoesNotExist", condition("a", "Exists"), condition("b", "DoesNotExist")),
    expresses("Exists, values null", condition("tier", "Exists") | {"values": None}),
    expresses("DoesNotExist, values empty", condition("tier", "DoesNotExist") | {"values": []}),
    expresses("In with an empty value", condition("tier", "In", "")),
    expresses("In with a value twice", condition("tier", "In", "a", "a")),
    expresses("64 values", condition(key(317), "NotIn", *numbered(64))),
    expresses("64 expressions", *(condition("tier", "Exists") for _ in range(64))),
    bad_selector(
        "65 expressions",
        {"matchExpressions": [condition("tier", "Exists")] * 65},
        ".matchExpressions",
        TOO_MANY,
    ),
    bad_expression("null", None, "", "must be of type object"),
    bad_expression("65 values", condition("tier", "In", *numbered(65)), ".values", TOO_MANY),
    bad_expression("in", condition("a", "in", "x"), ".operator", f'"in" {OPERATOR}'),
    bad_expression("=", condition("a", "=", "x"), ".operator", f'"=" {OPERATOR}'),
    bad_expression("Gt", condition("a", "Gt", "1"), ".operator", f'"Gt" {OPERATOR}'),
    bad_expression("In, a break", condition("a", "In\n", "x"), ".operator", f'"In\\n" {OPERATOR}'),
    bad_expression("operator empty", condition("a", ""), ".operator", f'"" {OPERATOR}'),
    bad_expression("operator of 33", condition("a", "I" * 33), ".operator", "Too long"),
    bad_expression("operator null", condition("a", None), ".operator", "Required value"),
    bad_expression("no operator", {"key": "a"}, ".operator", "Required value"),
    bad_expression("no key", {"operator": "Exists"}, ".key", "Required value"),
    bad_expression("In, no values", condition("a", "In"), ".values", f"In {VALUES_MISSING}"),
    bad_expression(
        "NotIn, values empty",
        condition("a", "NotIn") | {"values": []},
        ".values",
        f"NotIn {VALUES_MISSING}",
    ),
    bad_expression(
        "In, values null", condition("a", "In") | {"values": None}, ".values", VALUES_MISSING
    ),
    bad_expression(
        "Exists, values", condition("a", "Exists", "x"), ".values", f"Exists {VALUES_SUPERFLUOUS}"
    ),
    bad_expression(
        "DoesNotExist, an empty value",
        condition("a", "DoesNotExist", ""),
        ".values",
        f"DoesNotExist {VALUES_SUPERFLUOUS}",
    ),
    bad_expression("key empty", condition("", "Exists"), ".key", LABEL_KEY),
    bad_expression("key, two slashes", condition("a/b/c", "Exists"), ".key", LABEL_KEY),
    bad_expression("key, capitals", condition("Example.com/a", "Exists"), ".key", LABEL_KEY),
    bad_expression("key too long", condition(key(318), "Exists"), ".key", "Too long"),
    bad_expression(
        "value with a space", condition("a", "In", "x", "x y"), ".values[1]", LABEL_VALUE
    ),
    bad_expression("value of 64", condition("a", "In", "v" * 64), ".values[0]", "Too long"),
    bad_expression("value null", condition("a", "In", None), ".values[0]", "type string"),
    bad_expression("value a number", condition("a", "In", 1), ".values[0]", "type string"),
    bad_expression(
        "values a string", condition("a", "In") | {"values": "x"}, ".values", "type array"
    ),
)
