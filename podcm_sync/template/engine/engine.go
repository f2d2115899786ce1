// Package engine renders the templates of one PodConfigMapConfig for Pods: Go's own text/template
// with an allow-list of functions (functions.go). It reads nothing but its arguments; limits on CPU
// and memory are its host's business.
package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"unicode/utf8"
)

// MaxOutput is how many bytes one key of one Pod may have: what a ConfigMap can hold in all.
const MaxOutput = 1 << 20

// noValue is what Go prints for a key that a map has not; Helm removes it, and so does this.
const noValue = "<no value>"

// Failure says what is wrong with one template. Line and Column are 0 where nothing says them.
type Failure struct {
	Key     string `json:"key"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

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

// RootName is how Go's messages call the template of a key. The slash keeps it apart from the names
// that a user can give in {{define}}: a key has none.
func RootName(key string) string { return "configMapDataTemplate/" + key }

// Parse makes the template of one key.
func Parse(key, source string) (*Template, *Failure) {
	root := template.New(RootName(key)).Option("missingkey=zero")
	root.Funcs(functions).Funcs(template.FuncMap{"include": includer(root)})
	if _, err := root.Parse(source); err != nil {
		return nil, parseFailure(key, source, err)
	}
	return &Template{key, root}, nil
}

// At is the number of the key at work: what a host can read when it had to stop.
var At uint32

// Render makes the data of one Pod, the keys in their order. Each key sees a root of its own, so
// that what one does to it with `set` is not there for the next.
func Render(templates []*Template, pod *Pod, configName string) Rendered {
	data := make(map[string]string, len(templates))
	for i, each := range templates {
		At = uint32(i)
		text, err := each.execute(pod.root(configName))
		if err != nil {
			return Rendered{Failure: execFailure(each.key, err)}
		}
		data[each.key] = text
	}
	return Rendered{Data: data}
}

// Keys are the data keys of sources in the order in which they are rendered.
func Keys(sources map[string]string) []string { return slices.Sorted(maps.Keys(sources)) }

func (t *Template) execute(root map[string]any) (text string, err error) {
	defer func() {
		// A function that panics fails this Pod; text/template recovers from most itself.
		if problem := recover(); problem != nil {
			err = fmt.Errorf("template: %s: %v", RootName(t.key), problem)
		}
	}()
	var out capped
	if err = t.root.Execute(&out, root); err != nil {
		return "", err
	}
	text = strings.ReplaceAll(out.String(), noValue, "")
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("template: %s: the output is not valid UTF-8", RootName(t.key))
	}
	return text, nil
}

// capped is a strings.Builder that takes no more than MaxOutput.
type capped struct{ strings.Builder }

func (c *capped) Write(part []byte) (int, error) {
	if c.Len()+len(part) > MaxOutput {
		return 0, errTooLong
	}
	return c.Builder.Write(part)
}

func (c *capped) WriteString(part string) (int, error) {
	if c.Len()+len(part) > MaxOutput {
		return 0, errTooLong
	}
	return c.Builder.WriteString(part)
}
