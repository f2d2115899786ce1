// Package engine renders the templates of one PodConfigMapConfig for Pods: Go's own text/template
// with an allow-list of functions (functions.go). It reads nothing but its arguments. Its host
// limits CPU and memory.
package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"
)

// MaxOutput is how many bytes all keys of one Pod may have together: what a ConfigMap can hold.
const MaxOutput = 1 << 20

// noValue is what Go prints for a key that a map does not have. Helm removes it, and so do we.
const noValue = "<no value>"

// Rendered is what the templates make of one Pod: the data, or the first failure.
type Rendered struct {
	Data    map[string]string `json:"data"`
	Failure *Failure          `json:"failure"`
}

// Template is the parsed template of one data key.
type Template struct {
	key  string
	root *template.Template
}

// rootName keeps the template of a key apart from the names that a user can give in {{define}}: a
// key has no slash. Messages show the key instead (see failure.go).
func rootName(key string) string { return "configMapDataTemplate/" + key }

// Parse makes the template of one key.
func Parse(key, source string) (*Template, *Failure) {
	root := template.New(rootName(key)).Option("missingkey=zero")
	root.Funcs(functions).Funcs(template.FuncMap{"include": includer(root)})
	if _, err := root.Parse(source); err != nil {
		return nil, parseFailure(key, source, err)
	}
	return &Template{key, root}, nil
}

// At is the number of the key at work, for a host that had to stop the engine.
var At uint32

// Render makes the data of the next Pod of the payload, key by key. Each key gets a root of its
// own, so that no key sees what another one did to it with `set`.
func Render(templates []*Template, pods *Payload, configName string) Rendered {
	data := make(map[string]string, len(templates))
	left := MaxOutput
	start := pods.rest
	for i, template := range templates {
		At = uint32(i)
		pods.rest = start
		text, err := template.execute(root(pods, configName), left)
		if err != nil {
			return Rendered{Failure: template.execFailure(err, left)}
		}
		data[template.key] = text
		left -= len(text)
	}
	return Rendered{Data: data}
}

// root is the template's dot: the Pod, and the name of the config.
func root(pods *Payload, configName string) map[string]any {
	pod := pods.value().(map[string]any)
	pod["pcmc"] = map[string]any{"name": configName}
	return pod
}

// Keys are the data keys of sources in the order in which they are rendered.
func Keys(sources map[string]string) []string { return slices.Sorted(maps.Keys(sources)) }

func (t *Template) execute(root map[string]any, limit int) (text string, err error) {
	defer func() {
		// A function that panics fails this Pod only. text/template recovers from most panics itself.
		if problem := recover(); problem != nil {
			err = fmt.Errorf("template: %s: %v", t.key, problem)
		}
	}()
	out := capped{limit: limit}
	if err = t.root.Execute(&out, root); err != nil {
		return "", err
	}
	text = strings.ReplaceAll(out.String(), noValue, "")
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("template: %s: the output is not valid UTF-8", t.key)
	}
	return text, nil
}

// capped is a strings.Builder that takes no more than its limit.
type capped struct {
	strings.Builder
	limit int
}

func (c *capped) Write(part []byte) (int, error) {
	if c.Len()+len(part) > c.limit {
		return 0, errTooLong
	}
	return c.Builder.Write(part)
}

func (c *capped) WriteString(part string) (int, error) {
	if c.Len()+len(part) > c.limit {
		return 0, errTooLong
	}
	return c.Builder.WriteString(part)
}
