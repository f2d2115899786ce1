package engine

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"text/template/parse"
)

// Failure says what is wrong with one template, in Go's own words, which name the template by its
// data key. Line and Column are where, as Go counts: lines from 1, and the bytes before the place
// in its line. They are 0 and 0 if Go names no place. Called is the function that failed, if one did.
type Failure struct {
	Key        string `json:"key"`
	Line       int    `json:"line"`
	Column     int    `json:"column"`
	Message    string `json:"message"`
	Hint       string `json:"hint"`
	Called     string `json:"called"`
	IsTooLarge bool   `json:"isTooLarge"`
}

var errTooLong = fmt.Errorf("output over %d MiB", MaxOutput>>20)

// position is how text/template's messages begin. A parse error has no column.
var position = regexp.MustCompile(`^template: [^:]*:(\d+):(?:(\d+):)? `)

// execFailure is a failed execution. `left` is how much of MaxOutput the keys before it had left.
func (t *Template) execFailure(err error, left int) *Failure {
	if errors.Is(err, errTooLong) {
		// Go's message would be about a writer, which no author has seen.
		message := errTooLong.Error()
		if left < MaxOutput {
			message += " together with the keys before it"
		}
		return &Failure{Key: t.key, Message: message, IsTooLarge: true}
	}
	failure := failureOf(t.key, err)
	for _, fault := range t.Lint() {
		if fault.Line == failure.Line && fault.Column == failure.Column {
			failure.Hint = fault.Hint
		}
	}
	return failure
}

// parseFailure is a source that does not parse, with the column that Go's parser does not tell.
func parseFailure(key, source string, err error) *Failure {
	failure := failureOf(key, err)
	if failure.Line > 0 {
		failure.Column = parserColumn(source, failure.Line)
	}
	failure.Hint = parseHint(source, failure)
	return failure
}

func failureOf(key string, err error) *Failure {
	message := strings.ReplaceAll(err.Error(), rootName(key), key)
	failure := &Failure{Key: key, Message: message, Called: called(err)}
	if match := position.FindStringSubmatch(message); match != nil {
		failure.Line, _ = strconv.Atoi(match[1])
		failure.Column, _ = strconv.Atoi(match[2])
	}
	return failure
}

// called is the innermost function of ours or Go's that failed; "" if none did. Go wraps its error
// in "error calling NAME: " and keeps the name nowhere else.
func called(err error) string {
	name := ""
	for err != nil {
		cause := errors.Unwrap(err)
		if cause != nil {
			head := strings.TrimSuffix(err.Error(), cause.Error())
			for _, known := range []map[string]any{functions, builtins} {
				for function := range known {
					if strings.HasSuffix(head, "error calling "+function+": ") {
						name = function
					}
				}
			}
		}
		err = cause
	}
	return name
}

// parserColumn parses again and asks the parser for the token at which it stopped, which is the one
// that its line comes from. 0 if a future Go keeps that elsewhere, or if the lines differ.
func parserColumn(source string, line int) int {
	tree := parse.New("")
	if _, err := tree.Parse(source, "", "", map[string]*parse.Tree{}, functions, builtins); err == nil {
		return 0
	}
	token := reflect.ValueOf(tree).Elem().FieldByName("token")
	if !token.IsValid() || token.Kind() != reflect.Array || token.Len() == 0 {
		return 0
	}
	pos := token.Index(0).FieldByName("pos")
	if !pos.IsValid() || !pos.CanInt() || pos.Int() < 0 || pos.Int() > int64(len(source)) {
		return 0
	}
	before := source[:pos.Int()]
	if strings.Count(before, "\n")+1 != line {
		return 0
	}
	return len(before) - strings.LastIndexByte(before, '\n') - 1
}

// builtins are the names of Go's own functions, which text/template does not export, and `include`,
// which each template has of its own. Only the names matter for parsing.
var builtins = names(
	"and", "break", "call", "continue", "eq", "ge", "gt", "html", "include", "index", "js", "le",
	"len", "lt", "ne", "not", "or", "print", "printf", "println", "slice", "urlquery",
)

func names(all ...string) map[string]any {
	set := map[string]any{}
	for _, name := range all {
		set[name] = true
	}
	return set
}
