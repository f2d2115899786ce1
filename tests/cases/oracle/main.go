// Reads files as kubectl reads them. One request a line on stdin, one answer a line on stdout: a
// file's bytes as a JSON string in base64 for the JSON text of each object in it, or the error.
//
// The loop is that of StreamVisitor.Visit in k8s.io/cli-runtime/pkg/resource/visitor.go, which
// needs a cluster for all that comes after it.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type answer struct {
	Objects []json.RawMessage `json:"objects"`
	Error   string            `json:"error"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		var content []byte
		if err := json.Unmarshal(line, &content); err != nil {
			panic(err)
		}
		encoded, err := json.Marshal(read(content))
		if err != nil {
			panic(err)
		}
		out.Write(append(encoded, '\n'))
		out.Flush()
	}
}

func read(content []byte) answer {
	objects := []json.RawMessage{}
	text := transform.NewReader(bytes.NewReader(content), unicode.BOMOverride(unicode.UTF8.NewDecoder()))
	decoder := yaml.NewYAMLOrJSONDecoder(text, 4096)
	for {
		ext := runtime.RawExtension{}
		if err := decoder.Decode(&ext); err != nil {
			if err == io.EOF {
				return answer{Objects: objects}
			}
			return answer{Objects: objects, Error: err.Error()}
		}
		ext.Raw = bytes.TrimSpace(ext.Raw)
		if len(ext.Raw) == 0 || bytes.Equal(ext.Raw, []byte("null")) {
			continue
		}
		objects = append(objects, json.RawMessage(ext.Raw))
	}
}
