// Command oracle says what templates give in native Go: text/template and the whole of Sprig as
// their authors publish them, run by code that shares nothing with the engine but the names of the
// allowed functions. The conformance tests compare the sandbox with it byte for byte.
//
// It reads {"pod": {...}, "sources": [...]} and writes [{"output": ...} or {"error": ...}, ...].
// With the argument `names` it writes the names of all of Sprig's functions. With `benchmark` it
// renders with the engine's own source instead, and says how long that took.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"podcm-sync/engine"
	"sigs.k8s.io/yaml"
)

const name = "configMapDataTemplate/case"

type question struct {
	Pod     json.RawMessage `json:"pod"`
	Sources []string        `json:"sources"`
}

type answer struct {
	Output string `json:"output"`
	Error  string `json:"error"`
}

func main() {
	if len(os.Args) > 1 {
		map[string]func(){"names": names, "benchmark": benchmark}[os.Args[1]]()
		return
	}
	var asked question
	check(json.NewDecoder(os.Stdin).Decode(&asked))
	answers := []answer{}
	for _, source := range asked.Sources {
		root := map[string]any{}
		check(json.Unmarshal(asked.Pod, &root))
		output, err := render(source, root)
		if err != nil {
			answers = append(answers, answer{Error: err.Error()})
		} else {
			answers = append(answers, answer{Output: output})
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	check(encoder.Encode(answers))
}

func names() {
	all := []string{}
	for name := range sprig.GenericFuncMap() {
		all = append(all, name)
	}
	check(json.NewEncoder(os.Stdout).Encode(all))
}

func render(source string, root map[string]any) (string, error) {
	made := template.New(name).Option("missingkey=zero")
	made.Funcs(functions())
	made.Funcs(template.FuncMap{"include": func(which string, data any) (string, error) {
		var out strings.Builder
		err := made.ExecuteTemplate(&out, which, data)
		return out.String(), err
	}})
	if _, err := made.Parse(source); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := made.Execute(&out, root); err != nil {
		return "", err
	}
	return strings.ReplaceAll(out.String(), "<no value>", ""), nil
}

// functions are Sprig's own under the allowed names, and Helm's where Helm has its own, written
// down once more from helm.sh/helm/v3/pkg/engine/funcs.go.
func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	theirs := template.FuncMap{
		"toYaml": func(v any) string {
			data, err := yaml.Marshal(v)
			if err != nil {
				return ""
			}
			return strings.TrimSuffix(string(data), "\n")
		},
		"fromYaml": func(text string) map[string]any {
			m := map[string]any{}
			if err := yaml.Unmarshal([]byte(text), &m); err != nil {
				m["Error"] = err.Error()
			}
			return m
		},
		"fromYamlArray": func(text string) []any {
			a := []any{}
			if err := yaml.Unmarshal([]byte(text), &a); err != nil {
				a = []any{err.Error()}
			}
			return a
		},
		"toJson": func(v any) string {
			data, err := json.Marshal(v)
			if err != nil {
				return ""
			}
			return string(data)
		},
		"fromJson": func(text string) map[string]any {
			m := map[string]any{}
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				m["Error"] = err.Error()
			}
			return m
		},
		"fromJsonArray": func(text string) []any {
			a := []any{}
			if err := json.Unmarshal([]byte(text), &a); err != nil {
				a = []any{err.Error()}
			}
			return a
		},
		"required": func(warn string, v any) (any, error) {
			if v == nil {
				return v, errors.New(warn)
			}
			if text, ok := v.(string); ok && text == "" {
				return v, errors.New(warn)
			}
			return v, nil
		},
		// The two that are not Helm's: Sprig gives them in Go's random order.
		"keys": func(dicts ...map[string]any) []string {
			all := sprig.GenericFuncMap()["keys"].(func(...map[string]any) []string)(dicts...)
			sort.Strings(all)
			return all
		},
		"values": func(dict map[string]any) []any {
			keys := []string{}
			for key := range dict {
				keys = append(keys, key)
			}
			sort.Strings(keys)
			values := []any{}
			for _, key := range keys {
				values = append(values, dict[key])
			}
			return values
		},
		"include": func(string, any) (string, error) { return "", nil },
	}
	made := template.FuncMap{}
	for _, each := range engine.Table {
		if function, isTheirs := theirs[each.Name]; isTheirs {
			made[each.Name] = function
		} else if function, isSprigs := all[each.Name]; isSprigs {
			made[each.Name] = function
		} else {
			check(fmt.Errorf("neither Sprig nor Helm has %s", each.Name))
		}
	}
	return made
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
