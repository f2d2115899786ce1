"""Templates that try to hang, exhaust or crash the run, each a source for one data key.

`{{ if eq .name "bomb" }}` before and `{{ end }}` after make one Pod of several the victim.
"""

from typing import Final

REGEX: Final = "(x+x+)+y" * 40
CYCLE: Final = '{{ $d := dict }}{{ $_ := set $d "d" $d }}'
TWO_CYCLES: Final = CYCLE + '{{ $e := dict }}{{ $_ := set $e "d" $e }}'


def _over_and_over(step: str) -> str:
    return "{{ range 99999999 }}" + step + "{{ end }}"


def _doubled(begin: str, step: str, end: str) -> str:
    return "".join(
        f"{{{{ {part} }}}}" for part in (f"$x := {begin}", "range 99", f"$x = {step}", "end", end)
    )


BOMBS: Final = {
    "endless recursion": '{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}',
    "endless recursion of include": (
        '{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}'
    ),
    "a giant range": "{{ range 100000000000 }}{{ end }}",
    "a giant range with output": "{{ range 100000000000 }}.{{ end }}",
    "ranges in ranges": _over_and_over(_over_and_over(_over_and_over(""))),
    "repeat": '{{ repeat 2000000000 "x" }}',
    "repeat of repeat": '{{ repeat 30000 (repeat 30000 "x") }}',
    "until": "{{ until 2000000000 }}",
    "untilStep": "{{ untilStep 0 2000000000 1 }}",
    "seq": "{{ seq 1 2000000000 }}",
    "a string doubled": _doubled('"x"', "print $x $x", "len $x"),
    "a string doubled by cat": _doubled('"x"', "cat $x $x", "len $x"),
    "a list doubled": _doubled("list 1", "concat $x $x", "len $x"),
    "a list of lists": _doubled("list 1", "list $x $x", "toJson $x"),
    "a dict of dicts": _doubled("dict", 'dict "a" $x "b" $x', "toJson $x"),
    "a dict of dicts, copied": _doubled("dict", 'dict "a" $x "b" $x', "deepCopy $x"),
    "a cyclic dict as JSON": CYCLE + "{{ toJson $d }}",
    "a cyclic dict as YAML": CYCLE + "{{ toYaml $d }}",
    "a cyclic dict printed": CYCLE + "{{ $d }}",
    "a cyclic dict copied": CYCLE + "{{ deepCopy $d }}",
    "a cyclic dict merged": TWO_CYCLES + "{{ merge $d $e }}",
    "cyclic dicts compared": TWO_CYCLES + _over_and_over("{{ deepEqual $d $e }}"),
    "a tree of templates": "".join(
        f'{{{{ define "t{n}" }}}}{{{{ template "t{n + 1}" . }}}}{{{{ template "t{n + 1}" . }}}}'
        "{{ end }}"
        for n in range(50)
    )
    + '{{ define "t50" }}{{ end }}{{ template "t0" . }}',
    "a slow regular expression": (
        f'{{{{ $s := repeat 500000 "x" }}}}{{{{ range 1000 }}}}{{{{ regexMatch "{REGEX}" $s }}}}'
        "{{ end }}"
    ),
    "a large regular expression": (
        '{{ regexMatch (printf "(%s){1,1000}" (repeat 900 "(a{1,30})")) "a" }}'
    ),
    "a flood of output": '{{ $s := repeat 100000 "x" }}{{ range 9999999 }}{{ $s }}{{ end }}',
    "an output just too long": '{{ repeat 1048577 "x" }}',
    "copies without end": (
        '{{ $s := repeat 15000000 "x" }}{{ range 999999999 }}{{ $x := upper $s }}{{ end }}'
    ),
    "sorting without end": "{{ range 999999 }}{{ $x := sortAlpha (until 100000) }}{{ end }}",
    "replacing without end": (
        '{{ $s := repeat 3000 "a" }}{{ range 99 }}{{ $s = replace "a" "aaaaaaaa" $s }}{{ end }}'
    ),
    "a width of a thousand million": '{{ printf "%1000000000d" 1 }}',
    "a precision of a million, over and over": (
        '{{ range 99999 }}{{ $x := printf "%.1000000f" 1.5 }}{{ end }}'
    ),
    "indented over and over": (
        '{{ $s := repeat 1000 "a\\n" }}{{ range 999 }}{{ $s = indent 1000 $s }}{{ end }}'
    ),
    "wrapped with much": '{{ wrapWith 1 (repeat 10000 "x") (repeat 10000 "y ") }}',
    "a YAML of aliases": (
        "{{ $y := `a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "\n".join(
            f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]"
            for a, b in zip("abcdefgh", "bcdefghi", strict=True)
        )
        + "` }}{{ fromYaml $y | toJson }}"
    ),
    "JSON nested deeply": (
        '{{ fromJsonArray (print (repeat 5000000 "[") (repeat 5000000 "]"))'
        ' | toString | regexFind "exceeded max depth" }}'
    ),
    "large decimals": _over_and_over("{{ $x := divf 1e300 3e-300 }}"),
    "a rounding of many places": "{{ round 1.5 2000000000 }}",
    "a chunk of a long list": "{{ range 999999 }}{{ $x := chunk 1 (until 200000) }}{{ end }}",
}
"""What fails on the Pod that it is rendered for."""

LOADING: Final = {
    "parentheses nested deeply": "{{ " + "(" * 30_000 + "1" + ")" * 30_000 + " }}",
    "blocks nested deeply": "{{ if 1 }}" * 5_500 + "{{ end }}" * 1_000,
    "many definitions": "".join(f'{{{{ define "{n}" }}}}x{{{{ end }}}}' for n in range(2_000))
    + "{{",
    "a source of 1 MB": "x" * 1_000_000,
}
"""What never parses, so that its config is invalid."""
