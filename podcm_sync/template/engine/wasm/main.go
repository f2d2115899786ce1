//go:build wasip1

// Command wasm is the engine as a WebAssembly module. Its host writes to the place that buf
// gives, calls load, lint or render, and gets the answers one by one through the imported function emit,
// so that what was done before a trap is not lost, and the host knows at which item it happened.
package main

import (
	"bytes"
	"encoding/json"
	"runtime/debug"
	"unsafe"

	"podcm-sync/engine"
)

// softMemory is where the garbage collector becomes busy; the host's limit on memory is above.
const softMemory = 40 << 20

var (
	input     []byte
	templates []*engine.Template
	output    bytes.Buffer
)

func init() { debug.SetMemoryLimit(softMemory) }

func main() {}

//go:wasmimport podcm emit
func emit(answer unsafe.Pointer, length uint32)

//go:wasmexport buf
func buf(length uint32) unsafe.Pointer {
	input = make([]byte, max(length, 1))
	return unsafe.Pointer(&input[0])
}

//go:wasmexport at
func at() unsafe.Pointer { return unsafe.Pointer(&engine.At) }

// load parses the templates of a JSON object, and emits null or the failure of each, the keys in
// their order.
//
//go:wasmexport load
func load() {
	var sources map[string]string
	read(&sources)
	templates = nil
	for _, key := range engine.Keys(sources) {
		template, failure := engine.Parse(key, sources[key])
		templates = append(templates, template)
		write(failure)
	}
}

// lint emits a list of what fails on each Pod that reaches it, for each template.
//
//go:wasmexport lint
func lint() {
	for _, template := range templates {
		write(template.Lint())
	}
}

// render emits what the templates make of each Pod. Its input is MessagePack: the name of the
// config, then Pod after Pod.
//
//go:wasmexport render
func render() {
	payload := engine.NewPayload(input)
	input = nil
	configName := payload.Text()
	for !payload.Empty() {
		write(engine.Render(templates, payload, configName))
	}
}

// table emits the functions, and what is left out.
//
//go:wasmexport table
func table() {
	write(map[string]any{"functions": engine.Table, "left_out": engine.LeftOuts})
}

func read(value any) {
	if err := json.Unmarshal(input, value); err != nil {
		panic(err) // the host's own words
	}
	input = nil
}

func write(value any) {
	output.Reset()
	encoder := json.NewEncoder(&output)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	answer := output.Bytes()
	emit(unsafe.Pointer(&answer[0]), uint32(len(answer)))
}
