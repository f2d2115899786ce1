package engine

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A hint says what to write instead. There is none if there is nothing sensible to suggest.

const useIndex = `keys with dots, slashes or dashes need index: {{ index .labels "app.kubernetes.io/name" }}`

var (
	unknownFunction = regexp.MustCompile(`function "([^"]*)" not defined$`)
	badOperand      = regexp.MustCompile(`bad character U\+002[DF]|unexpected "/"|unexpected bad character`)
	dottedKey       = regexp.MustCompile(`\.(labels|annotations)\.`)
)

func parseHint(source string, failure *Failure) string {
	if match := unknownFunction.FindStringSubmatch(failure.Message); match != nil {
		return functionHint(match[1])
	}
	lines := strings.Split(source, "\n")
	if badOperand.MatchString(failure.Message) && failure.Line <= len(lines) &&
		dottedKey.MatchString(lines[failure.Line-1]) {
		return useIndex
	}
	return ""
}

func functionHint(name string) string {
	for _, leftOut := range LeftOuts {
		if slices.Contains(leftOut.Names, name) {
			return fmt.Sprintf("`%s` is left out because %s", name, leftOut.Reason)
		}
	}
	known := slices.Concat(slices.Collect(maps.Keys(functions)), slices.Collect(maps.Keys(builtins)))
	if nearest := nearest(name, known); nearest != "" {
		return fmt.Sprintf("did you mean `%s`?", nearest)
	}
	if fields[name] != "" {
		return fmt.Sprintf("did you mean `.%s`?", name)
	}
	return ""
}

// fieldHint is about a chain of fields that begins at the root, such as .Values.x.
func fieldHint(chain []string) string {
	first, last := chain[0], chain[min(1, len(chain)-1)]
	switch kind := fields[first]; {
	case kind == "dict":
		return fmt.Sprintf("keys with dots need index: {{ index .%s %q }}", first, strings.Join(chain[1:], "."))
	case kind == "list":
		return fmt.Sprintf("`.%s` is a list: {{ range .%s }}{{ .%s }}{{ end }}", first, first, last)
	case kind == "config":
		return fmt.Sprintf("`.%s` has only a name: {{ .%s.name }}", first, first)
	case kind != "":
		return ""
	}
	// The generated ConfigMap calls the name podName.
	if name := strings.TrimPrefix(strings.ToLower(first), "pod"); fields[name] != "" {
		return fmt.Sprintf("did you mean `.%s`?", name)
	}
	known := slices.Collect(maps.Keys(fields))
	if nearest := nearest(first, known); nearest != "" {
		return fmt.Sprintf("did you mean `.%s`?", nearest)
	}
	if nearest := nearest(last, known); nearest != "" {
		return fmt.Sprintf("did you mean `.%s`?", nearest)
	}
	return "a template sees the Pod alone: ." + strings.Join(slices.Sorted(maps.Keys(fields)), " .")
}

// nearest is the known name that equals name but for case, or that at most two edits, and fewer
// than half of its letters, away is; "" if there is none. The first by the alphabet wins.
func nearest(name string, known []string) string {
	best, least := "", min(3, (len(name)+1)/2)
	for _, candidate := range slices.Sorted(slices.Values(known)) {
		distance := edits(strings.ToLower(name), strings.ToLower(candidate))
		if distance < least {
			best, least = candidate, distance
		}
	}
	return best
}

// edits is the Levenshtein distance of two short names.
func edits(a, b string) int {
	if max(len(a), len(b)) > 40 {
		return 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
