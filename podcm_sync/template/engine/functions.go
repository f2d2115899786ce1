package engine

import (
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// Function is one row of the table of functions: its name, the group that it is shown in, and a
// use of it, whose result docs/templates.md shows and a test compares with Sprig's own.
type Function struct {
	Group   string `json:"group"`
	Name    string `json:"name"`
	Example string `json:"example"`
}

// LeftOut is a reason to leave functions of Sprig and Helm out.
type LeftOut struct {
	Reason string   `json:"reason"`
	Names  []string `json:"names"`
}

// Table is all that templates may call beside Go's own functions. A function that is not here does
// not exist. Same arguments must give the same result on any day and host, since a result that
// changed by itself would be written at each run; and none may reach beyond its arguments.
var Table = []Function{
	{"Strings", "abbrev", `abbrev 8 "podcm-sync"`},
	{"Strings", "abbrevboth", `abbrevboth 4 9 "0123456789abcdef"`},
	{"Strings", "camelcase", `camelcase "node_name"`},
	{"Strings", "cat", `cat "a" 1 "b"`},
	{"Strings", "contains", `contains "web" .name`},
	{"Strings", "hasPrefix", `hasPrefix "web" .name`},
	{"Strings", "hasSuffix", `hasSuffix "-0" .name`},
	{"Strings", "indent", `indent 2 "a\nb"`},
	{"Strings", "initials", `initials "kube system"`},
	{"Strings", "kebabcase", `kebabcase "nodeName"`},
	{"Strings", "lower", `lower "WEB"`},
	{"Strings", "nindent", `nindent 2 "a\nb"`},
	{"Strings", "nospace", `nospace "a b c"`},
	{"Strings", "plural", `len .containers | plural "container" "containers"`},
	{"Strings", "quote", `quote .name 1`},
	{"Strings", "repeat", `repeat 3 "ab"`},
	{"Strings", "replace", `replace "-" "_" .name`},
	{"Strings", "snakecase", `snakecase "nodeName"`},
	{"Strings", "squote", `squote .name`},
	{"Strings", "substr", `substr 0 3 .name`},
	{"Strings", "swapcase", `swapcase "Web"`},
	{"Strings", "title", `title "running pod"`},
	{"Strings", "trim", `trim "  a "`},
	{"Strings", "trimAll", `trimAll "/" "/a/b/"`},
	{"Strings", "trimPrefix", `trimPrefix "web-" .name`},
	{"Strings", "trimSuffix", `trimSuffix "-0" .name`},
	{"Strings", "trimall", `trimall "/" "/a/"`},
	{"Strings", "trunc", `trunc 3 .name`},
	{"Strings", "untitle", `untitle "Running Pod"`},
	{"Strings", "upper", `upper .name`},
	{"Strings", "wrap", `wrap 5 "one two three"`},
	{"Strings", "wrapWith", `wrapWith 3 "," "abcdef"`},
	{"Strings", "toString", `toString 1.5`},
	{"Strings", "join", `list "a" 1 true | join ","`},
	{"Strings", "split", `(split "." .podIP)._0`},
	{"Strings", "splitn", `(splitn "." 2 .podIP)._1`},
	{"Strings", "splitList", `splitList "." .podIP`},
	{"Strings", "toStrings", `list 1 "a" true | toStrings`},
	{"Strings", "sortAlpha", `list "b" "a" "c" | sortAlpha`},

	{"Lists", "append", `append (list 1 2) 3`},
	{"Lists", "chunk", `list 1 2 3 4 5 | chunk 2`},
	{"Lists", "compact", `list 0 1 "" "a" | compact`},
	{"Lists", "concat", `concat (list 1 2) (list 3)`},
	{"Lists", "first", `list 1 2 3 | first`},
	{"Lists", "has", `list "a" "b" | has "a"`},
	{"Lists", "initial", `list 1 2 3 | initial`},
	{"Lists", "last", `list 1 2 3 | last`},
	{"Lists", "list", `list 1 "a" true`},
	{"Lists", "mustAppend", `mustAppend (list 1) 2`},
	{"Lists", "mustChunk", `list 1 2 3 | mustChunk 2`},
	{"Lists", "mustCompact", `list 0 1 | mustCompact`},
	{"Lists", "mustFirst", `list 1 2 | mustFirst`},
	{"Lists", "mustHas", `list 1 2 | mustHas 2`},
	{"Lists", "mustInitial", `list 1 2 | mustInitial`},
	{"Lists", "mustLast", `list 1 2 | mustLast`},
	{"Lists", "mustPrepend", `mustPrepend (list 2) 1`},
	{"Lists", "mustPush", `mustPush (list 1) 2`},
	{"Lists", "mustRest", `list 1 2 3 | mustRest`},
	{"Lists", "mustReverse", `list 1 2 3 | mustReverse`},
	{"Lists", "mustSlice", `mustSlice (list 1 2 3) 1`},
	{"Lists", "mustUniq", `list 1 1 2 | mustUniq`},
	{"Lists", "mustWithout", `mustWithout (list 1 2 3) 2`},
	{"Lists", "prepend", `prepend (list 2 3) 1`},
	{"Lists", "push", `push (list 1) 2`},
	{"Lists", "rest", `list 1 2 3 | rest`},
	{"Lists", "reverse", `list 1 2 3 | reverse`},
	{"Lists", "seq", `seq 1 2 7`},
	{"Lists", "slice", `slice (list 1 2 3 4) 1 3`},
	{"Lists", "tuple", `tuple 1 2`},
	{"Lists", "uniq", `list 1 2 1 | uniq`},
	{"Lists", "until", `until 4`},
	{"Lists", "untilStep", `untilStep 0 10 3`},
	{"Lists", "without", `without (list "a" "b") "a"`},

	{"Dicts", "deepCopy", `deepCopy (dict "a" (list 1))`},
	{"Dicts", "dict", `dict "a" 1 "b" 2`},
	{"Dicts", "dig", `dict "a" (dict "b" 1) | dig "a" "c" "none"`},
	{"Dicts", "get", `get .labels "app"`},
	{"Dicts", "hasKey", `hasKey .labels "app"`},
	{"Dicts", "keys", `keys .labels`},
	{"Dicts", "merge", `merge (dict "a" 1) (dict "a" 2 "b" 3)`},
	{"Dicts", "mergeOverwrite", `mergeOverwrite (dict "a" 1) (dict "a" 2 "b" 3)`},
	{"Dicts", "mustDeepCopy", `mustDeepCopy (dict "a" 1)`},
	{"Dicts", "mustMerge", `mustMerge (dict "a" 1) (dict "b" 2)`},
	{"Dicts", "mustMergeOverwrite", `mustMergeOverwrite (dict "a" 1) (dict "a" 2)`},
	{"Dicts", "omit", `omit (dict "a" 1 "b" 2) "a"`},
	{"Dicts", "pick", `pick (dict "a" 1 "b" 2) "a"`},
	{"Dicts", "pluck", `pluck "a" (dict "a" 1) (dict "a" 2)`},
	{"Dicts", "set", `set (dict "a" 1) "b" 2`},
	{"Dicts", "unset", `unset (dict "a" 1 "b" 2) "a"`},
	{"Dicts", "values", `values .labels`},

	{"Defaults and choices", "all", `all 1 "a" true`},
	{"Defaults and choices", "any", `any 0 "" true`},
	{"Defaults and choices", "coalesce", `coalesce "" 0 "c" "d"`},
	{"Defaults and choices", "default", `.nodeName | default "unscheduled"`},
	{"Defaults and choices", "empty", `empty .annotations`},
	{"Defaults and choices", "fail", `if not .name}}{{fail "a Pod without a name"}}{{end`},
	{"Defaults and choices", "required", `required "a Pod has to have an IP" .podIP`},
	{"Defaults and choices", "ternary", `eq .phase "Running" | ternary "up" "down"`},

	{"Numbers", "add", `add 1 2 3`},
	{"Numbers", "add1", `add1 1`},
	{"Numbers", "add1f", `add1f 1.5`},
	{"Numbers", "addf", `addf 0.1 0.2`},
	{"Numbers", "atoi", `atoi "8080"`},
	{"Numbers", "biggest", `biggest 1 3 2`},
	{"Numbers", "ceil", `ceil 1.2`},
	{"Numbers", "div", `div 7 2`},
	{"Numbers", "divf", `divf 7 2`},
	{"Numbers", "float64", `float64 "1.5"`},
	{"Numbers", "floor", `floor 1.8`},
	{"Numbers", "int", `int "3"`},
	{"Numbers", "int64", `int64 3.9`},
	{"Numbers", "max", `max 1 3 2`},
	{"Numbers", "maxf", `maxf 1.5 2`},
	{"Numbers", "min", `min 3 1 2`},
	{"Numbers", "minf", `minf 1.5 2`},
	{"Numbers", "mod", `mod 7 2`},
	{"Numbers", "mul", `mul 2 3 4`},
	{"Numbers", "mulf", `mulf 1.5 2`},
	{"Numbers", "round", `round 1.2345 2`},
	{"Numbers", "sub", `sub 3 1`},
	{"Numbers", "subf", `subf 1.5 1`},
	{"Numbers", "toDecimal", `toDecimal "0777"`},

	{"Encoding and digests", "adler32sum", `adler32sum "a"`},
	{"Encoding and digests", "b32dec", `b32dec "ME======"`},
	{"Encoding and digests", "b32enc", `b32enc "a"`},
	{"Encoding and digests", "b64dec", `b64dec "YQ=="`},
	{"Encoding and digests", "b64enc", `b64enc "a"`},
	{"Encoding and digests", "sha1sum", `sha1sum "a"`},
	{"Encoding and digests", "sha256sum", `sha256sum "a"`},
	{"Encoding and digests", "sha512sum", `sha512sum "a" | trunc 12`},

	{"JSON and YAML", "fromJson", `(fromJson "{\"a\": 1}").a`},
	{"JSON and YAML", "fromJsonArray", `fromJsonArray "[1, 2]" | last`},
	{"JSON and YAML", "fromYaml", `(fromYaml "a: [1, 2]").a`},
	{"JSON and YAML", "fromYamlArray", `fromYamlArray "[a, b]" | first`},
	{"JSON and YAML", "mustFromJson", `(mustFromJson "{\"a\": 1}").a`},
	{"JSON and YAML", "mustToJson", `mustToJson (list 1 "a")`},
	{"JSON and YAML", "mustToPrettyJson", `mustToPrettyJson (dict "a" 1)`},
	{"JSON and YAML", "mustToRawJson", `mustToRawJson "a & b"`},
	{"JSON and YAML", "toJson", `toJson .labels`},
	{"JSON and YAML", "toPrettyJson", `toPrettyJson (dict "a" 1)`},
	{"JSON and YAML", "toRawJson", `toRawJson "<a>"`},
	{"JSON and YAML", "toYaml", `toYaml .labels`},

	{"Regular expressions", "mustRegexFind", `mustRegexFind "[0-9]+" .name`},
	{"Regular expressions", "mustRegexFindAll", `mustRegexFindAll "[a-z]" "a1b2" -1`},
	{"Regular expressions", "mustRegexMatch", `mustRegexMatch "^web" .name`},
	{"Regular expressions", "mustRegexReplaceAll", `mustRegexReplaceAll "-.*" .name ""`},
	{"Regular expressions", "mustRegexReplaceAllLiteral", `mustRegexReplaceAllLiteral "a" "ab" "$1"`},
	{"Regular expressions", "mustRegexSplit", `mustRegexSplit "-" .name -1`},
	{"Regular expressions", "regexFind", `regexFind "[0-9]+" .name`},
	{"Regular expressions", "regexFindAll", `regexFindAll "[a-z]" "a1b2" -1`},
	{"Regular expressions", "regexMatch", `regexMatch "^web-[0-9]+$" .name`},
	{"Regular expressions", "regexQuoteMeta", `regexQuoteMeta "1.2"`},
	{"Regular expressions", "regexReplaceAll", `regexReplaceAll "(.*)-(.*)" .name "${2}-${1}"`},
	{"Regular expressions", "regexReplaceAllLiteral", `regexReplaceAllLiteral "-" .name "."`},
	{"Regular expressions", "regexSplit", `regexSplit "-" .name -1`},

	{"Types", "deepEqual", `deepEqual (list 1) (list 1)`},
	{"Types", "kindIs", `kindIs "map" .labels`},
	{"Types", "kindOf", `kindOf .containers`},
	{"Types", "typeIs", `typeIs "string" .name`},
	{"Types", "typeIsLike", `typeIsLike "string" .name`},
	{"Types", "typeOf", `typeOf 1.5`},

	{"Paths, addresses, versions", "base", `base "/etc/app.conf"`},
	{"Paths, addresses, versions", "clean", `clean "/etc/../a"`},
	{"Paths, addresses, versions", "dir", `dir "/etc/app.conf"`},
	{"Paths, addresses, versions", "ext", `ext "app.conf"`},
	{"Paths, addresses, versions", "isAbs", `isAbs "/etc"`},
	{"Paths, addresses, versions", "semver", `(semver "1.2.3").Minor`},
	{"Paths, addresses, versions", "semverCompare", `semverCompare ">=1.2" "1.4.0"`},
	{"Paths, addresses, versions", "urlJoin", `urlJoin (dict "scheme" "http" "host" .podIP "path" "/")`},
	{"Paths, addresses, versions", "urlParse", `(urlParse "http://a.example:80/b").host`},
	{"Paths, addresses, versions", "duration", `duration "95"`},
	{"Paths, addresses, versions", "durationRound", `durationRound "2h10m5s"`},

	{"Templates", "include", `define "up"}}{{upper .}}{{end}}{{include "up" .name | quote`},
}

// LeftOuts are the functions that Sprig and Helm have and this engine has not, and why.
var LeftOuts = []LeftOut{
	{"it reads the clock or the host's time zone: the result would change by itself", []string{
		"ago", "date", "dateInZone", "dateModify", "date_in_zone", "date_modify", "htmlDate",
		"htmlDateInZone", "mustDateModify", "mustToDate", "must_date_modify", "now", "toDate",
		"unixEpoch",
	}},
	{"its result is random: it would be written anew at each run", []string{
		"randAlpha", "randAlphaNum", "randAscii", "randBytes", "randInt", "randNumeric", "shuffle",
		"uuidv4",
	}},
	{"it makes or uses keys and passwords: a ConfigMap is no place for them", []string{
		"bcrypt", "buildCustomCert", "decryptAES", "derivePassword", "encryptAES", "genCA",
		"genCAWithKey", "genPrivateKey", "genSelfSignedCert", "genSelfSignedCertWithKey",
		"genSignedCert", "genSignedCertWithKey", "htpasswd",
	}},
	{"it reads beyond the Pod: the job's environment, the network or the cluster", []string{
		"env", "expandenv", "getHostByName", "lookup",
	}},
	{"it runs text as a template: what stands in a Pod's annotations would become a program", []string{
		"tpl",
	}},
	{"it follows the host's kind of path; use the function without `os`", []string{
		"osBase", "osClean", "osDir", "osExt", "osIsAbs",
	}},
	{"it is of Helm alone, and few charts have it; use toYaml or toJson", []string{
		"fromToml", "mustToToml", "mustToYaml", "toToml", "toYamlPretty",
	}},
	{"it does nothing that a configuration needs", []string{"hello"}},
}

var functions = allowed()

// allowed is the table as text/template wants it: Sprig's functions, or Helm's of the same name.
func allowed() template.FuncMap {
	theirs := sprig.GenericFuncMap()
	ours := template.FuncMap{
		"fromJson":      fromJson,
		"fromJsonArray": fromJsonArray,
		"fromYaml":      fromYaml,
		"fromYamlArray": fromYamlArray,
		"include":       func(string, any) (string, error) { panic("made by Parse") },
		"keys":          sortedKeys,
		"required":      required,
		"toJson":        toJson,
		"toYaml":        toYaml,
		"values":        sortedValues,
	}
	made := template.FuncMap{}
	for _, each := range Table {
		if function, isOurs := ours[each.Name]; isOurs {
			made[each.Name] = function
		} else {
			made[each.Name] = theirs[each.Name]
		}
	}
	made["printf"] = steadyPrintf
	return made
}
