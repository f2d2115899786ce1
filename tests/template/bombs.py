"""Templates that try to hang, exhaust or crash the run, each a source for one data key.

`{{ if eq .name "bomb" }}` before and `{{ end }}` after make one Pod of several the victim.
"""

from typing import Final

REGEX: Final = "(x+x+)+y" * 40
RECURSION = '{{ define "r" }}{{ template "r" . }}{{ end }}{{ template "r" . }}'
BOMBS: Final = {
    "endless recursion": RECURSION,
    "endless recursion of include": '{{ define "r" }}{{ include "r" . }}{{ end }}{{ include "r" . }}',
    "a giant range": "{{ range 100000000000 }}{{ end }}",
    "a giant range with output": "{{ range 100000000000 }}.{{ end }}",
    "ranges in ranges": "{{ range 9999999 }}{{ range 9999999 }}{{ range 99 }}{{ end }}{{ end }}{{ end }}",
    "repeat": '{{ repeat 2000000000 "x" }}',
    "repeat of repeat": '{{ repeat 30000 (repeat 30000 "x") }}',
    "until": "{{ until 2000000000 }}",
    "untilStep": "{{ untilStep 0 2000000000 1 }}",
    "seq": "{{ seq 1 2000000000 }}",
    "a string doubled": '{{ $s := "x" }}{{ range 99 }}{{ $s = print $s $s }}{{ end }}{{ len $s }}',
    "a string doubled by cat": '{{ $s := "x" }}{{ range 99 }}{{ $s = cat $s $s }}{{ end }}{{ len $s }}',
    "a list doubled": "{{ $l := list 1 }}{{ range 99 }}{{ $l = concat $l $l }}{{ end }}{{ len $l }}",
    "a list of lists": "{{ $l := list 1 }}{{ range 99 }}{{ $l = list $l $l }}{{ end }}{{ toJson $l }}",
    "a dict of dicts": (
        '{{ $d := dict }}{{ range 60 }}{{ $d = dict "a" $d "b" $d }}{{ end }}{{ toJson $d }}'
    ),
    "a dict of dicts, copied": (
        '{{ $d := dict }}{{ range 60 }}{{ $d = dict "a" $d "b" $d }}{{ end }}{{ deepCopy $d }}'
    ),
    "a cyclic dict as JSON": '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toJson $d }}',
    "a cyclic dict as YAML": '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toYaml $d }}',
    "a cyclic dict printed": '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}',
    "a cyclic dict copied": '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ deepCopy $d }}',
    "a cyclic dict merged": (
        '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $e := dict }}{{ $_ := set $e "d" $e }}'
        "{{ merge $d $e }}"
    ),
    "a cyclic dict compared": (
        '{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $e := dict }}{{ $_ := set $e "d" $e }}'
        "{{ deepEqual $d $e }}{{ range 99999999 }}{{ end }}"
    ),
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
    "JSON nested deeply": '{{ fromJsonArray (print (repeat 5000000 "[") (repeat 5000000 "]")) }}',
    "large decimals": '{{ mulf (float64 "1e308") (float64 "1e308") 1e308 }}{{ divf 1 3e-300 7e300 }}{{ range 99999999 }}{{ $x := divf 1e300 3e-300 }}{{ end }}',
    "a rounding of many places": "{{ round 1.5 2000000000 }}",
    "a chunk of a long list": "{{ range 999999 }}{{ $x := chunk 1 (until 200000) }}{{ end }}",
}
"""What fails on the Pod that it is rendered for."""

LOADING: Final = {
    "parentheses nested deeply": "{{ " + "(" * 30_000 + "1" + ")" * 30_000 + " }}",
    "blocks nested deeply": "{{ if 1 }}" * 5_500 + "{{ end }}" * 1_000,
    "many definitions": "".join(f'{{{{ define "{n}" }}}}x{{{{ end }}}}' for n in range(2_000)) + "{{",
    "a source of 1 MB": "x" * 1_000_000,
}
"""What never parses, so that its config is invalid."""
