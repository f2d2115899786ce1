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

var errTooLong = fmt.Errorf("output over %d MiB", MaxOutput>>20)

// position is how text/template's messages begin; a parse error has no column.
var position = regexp.MustCompile(`^template: [^:]*:(\d+):(?:(\d+):)? `)

// execFailure is a failed execution, where Go's message says it happened.
func execFailure(key string, err error) *Failure {
	message := err.Error()
	if errors.Is(err, errTooLong) {
		message = errTooLong.Error() // Go's message would be about a writer, which nobody has seen
	}
	line, column := said(message)
	return &Failure{key, line, column, message}
}

// parseFailure is a source that does not parse, with the column that Go's parser keeps to itself.
func parseFailure(key, source string, err error) *Failure {
	line, column := said(err.Error())
	if column == 0 && line > 0 {
		column = parserColumn(source, line)
	}
	return &Failure{key, line, column, err.Error()}
}

func said(message string) (line, column int) {
	if found := position.FindStringSubmatch(message); found != nil {
		line, _ = strconv.Atoi(found[1])
		column, _ = strconv.Atoi(found[2])
	}
	return line, column
}

// parserColumn parses once more and asks the parser for the token at which it stopped, which is the
// one that its line comes from. 0 where a future Go keeps that elsewhere, or where lines disagree.
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
	return len(before) - strings.LastIndexByte(before, '\n')
}

// builtins are the names of Go's own functions, which text/template keeps to itself, and `include`,
// which each template has of its own; only the names matter for parsing.
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
