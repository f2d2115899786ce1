// Package fuzz has Go's own fuzz targets of the template engine, guided by its coverage.
//
// The sandbox, which stops what costs too much, is not here. So FuzzRender passes over templates
// that could (tame), and tests/fuzz/targets/templates.py has those.
package fuzz

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"podcm-sync/engine"
)

const (
	key      = "k"
	maxBytes = 2048
	// maxTime is for one input: thousands of times what a usual one takes, on a busy machine.
	maxTime = 2 * time.Second
)

// FuzzParse: any source parses, or fails with a message and a place that is in the source.
func FuzzParse(f *testing.F) {
	seed(f, func(source string) { f.Add(source) })
	f.Fuzz(func(t *testing.T, source string) {
		if len(source) > maxBytes || !utf8.ValidString(source) {
			t.Skip()
		}
		defer inTime(t)()
		template, failure := engine.Parse(key, source)
		if (template == nil) != (failure != nil) {
			t.Fatalf("a template and a failure, or neither: %v", failure)
		}
		failures := []*engine.Failure{}
		if failure != nil {
			failures = append(failures, failure)
		} else {
			failures = template.Lint()
		}
		for _, failure := range failures {
			checkFailure(t, source, failure)
		}
	})
}

// FuzzRender: a template makes the same of a Pod each time, valid text within the limit, or fails.
func FuzzRender(f *testing.F) {
	seed(f, func(source string) { f.Add(source, "a: &a [1, \"b\"]\nc: {d: 2.50}") })
	f.Fuzz(func(t *testing.T, source, note string) {
		if len(source)+len(note) > maxBytes || !utf8.ValidString(source) || !utf8.ValidString(note) {
			t.Skip()
		}
		template, failure := engine.Parse(key, source)
		if failure != nil || !tame(source, note) {
			t.Skip()
		}
		defer inTime(t)()
		first, again := render(template, note), render(template, note)
		if !reflect.DeepEqual(first, again) {
			t.Fatalf("not the same again:\n%v %v\n%v %v", first.Data, first.Failure, again.Data, again.Failure)
		}
		text, isThere := first.Data[key]
		if isThere == (first.Failure != nil) {
			t.Fatal("data and a failure, or neither")
		}
		if len(text) > engine.MaxOutput || !utf8.ValidString(text) || strings.Contains(text, "<no value>") {
			t.Fatalf("%d bytes: %q", len(text), text)
		}
		if first.Failure != nil {
			checkFailure(t, source, first.Failure)
		}
	})
}

func checkFailure(t *testing.T, source string, failure *engine.Failure) {
	lines := strings.Split(source, "\n")
	switch {
	case failure.Key != key || failure.Message == "":
		t.Fatalf("%+v", failure)
	case failure.Line == 0 && failure.Column == 0:
	case failure.Line < 1 || failure.Line > len(lines):
		t.Fatalf("line %d of %d: %s", failure.Line, len(lines), failure.Message)
	case failure.Column < 0 || failure.Column > len(lines[failure.Line-1]):
		t.Fatalf("column %d of line %d: %s", failure.Column, failure.Line, failure.Message)
	}
}

// inTime fails the test if what follows takes too long.
func inTime(t *testing.T) func() {
	started := time.Now()
	return func() {
		if took := time.Since(started); took > maxTime {
			t.Fatalf("took %s", took)
		}
	}
}

func render(template *engine.Template, note string) engine.Rendered {
	payload := dict(
		"name", text("web-0"), "namespace", text("shop"), "uid", text("u-1"), "nodeName", text(""),
		"labels", dict("app", text("web"), "app.kubernetes.io/name", text("web")),
		"annotations", dict("note", text(note)),
		"containers", append([]byte{0x91}, dict("name", text("web"), "image", text("i:1"))...),
		"ownerReferences", []byte{0x90},
	)
	return engine.Render([]*engine.Template{template}, engine.NewPayload(payload), "web")
}

// dict and text write MessagePack, as the host does.
func dict(pairs ...any) []byte {
	made := []byte{0x80 | byte(len(pairs)/2)}
	for i := 0; i < len(pairs); i += 2 {
		made = append(append(made, text(pairs[i].(string))...), pairs[i+1].([]byte)...)
	}
	return made
}

func text(text string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0xdb}, uint32(len(text))), text...)
}

var (
	digits = regexp.MustCompile(`[0-9]+`)
	// multipliers make much of little, and one of them may be in a template.
	multipliers = regexp.MustCompile(`repeat|indent|until|seq|wrap|printf|chunk|round|fromYaml|fromJson|ustFrom`)
	// loops go on for as long as a number says, or for ever.
	loops = regexp.MustCompile(`range|template|block|include|define|set|erge|0[xX]|[eE][-+]?[0-9]|'`)
)

// tame says whether a template ends soon without a sandbox: it has no loop, multiplies once at most,
// and all its numbers together are small.
func tame(source, note string) bool {
	if loops.MatchString(source) || len(multipliers.FindAllString(source, 2)) > 1 {
		return false
	}
	product := 1
	for _, number := range digits.FindAllString(source+" "+note, -1) {
		if len(number) > 4 {
			return false
		}
		value := 0
		for _, digit := range number {
			value = 10*value + int(digit-'0')
		}
		if product *= value + 1; product > 1_000_000 {
			return false
		}
	}
	return true
}

// seed adds the templates of the conformance corpus.
func seed(f *testing.F, add func(string)) {
	files, err := filepath.Glob("../../template/corpus/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatal("no corpus", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split("\n"+string(content), "\n### ")[1:] {
			_, source, _ := strings.Cut(part, "\n")
			add(source)
		}
	}
}
