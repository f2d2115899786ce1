package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"
)

// What Helm adds to Sprig, with Helm's meaning (helm.sh/helm/v3/pkg/engine/funcs.go): what does not
// encode is "", what does not decode is {"Error": message}.

func toYaml(value any) string {
	text, err := yaml.Marshal(value)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

func fromYaml(text string) map[string]any {
	value := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		value["Error"] = err.Error()
	}
	return value
}

func fromYamlArray(text string) []any {
	value := []any{}
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		value = []any{err.Error()}
	}
	return value
}

func toJson(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}

func fromJson(text string) map[string]any {
	value := map[string]any{}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		value["Error"] = err.Error()
	}
	return value
}

func fromJsonArray(text string) []any {
	value := []any{}
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		value = []any{err.Error()}
	}
	return value
}

func required(message string, value any) (any, error) {
	if text, isText := value.(string); value == nil || isText && text == "" {
		return value, errors.New(message)
	}
	return value, nil
}

// maxIncludes is Helm's limit on includes within includes of one name.
const maxIncludes = 1000

// includer makes `include`, which is {{template}} as a function, for the templates of one key.
func includer(root *template.Template) func(string, any) (string, error) {
	depth := map[string]int{}
	return func(name string, data any) (string, error) {
		if depth[name] >= maxIncludes {
			return "", fmt.Errorf("include %q: over %d levels deep", name, maxIncludes)
		}
		depth[name]++
		defer func() { depth[name]-- }()
		out := capped{limit: MaxOutput}
		err := root.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
}

// Go's maps have no order; templates that differ from run to run would be written at each run.

func sortedKeys(dicts ...map[string]any) []string {
	keys := []string{}
	for _, dict := range dicts {
		for key := range dict {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func sortedValues(dict map[string]any) []any {
	values := []any{}
	for _, key := range sortedKeys(dict) {
		values = append(values, dict[key])
	}
	return values
}
