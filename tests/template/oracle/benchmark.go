package main

import (
	"encoding/json"
	"os"
	"time"

	"podcm-sync/engine"
)

// benchmark renders one template for many Pods as the WebAssembly module does, with MessagePack
// going in and JSON out, and writes the renders per second of one core.
func benchmark() {
	var asked struct {
		Source string `json:"source"`
		Pods   []byte `json:"pods"`
		Rounds int    `json:"rounds"`
	}
	check(json.NewDecoder(os.Stdin).Decode(&asked))
	parsed, failure := engine.Parse("case", asked.Source)
	if failure != nil {
		panic(failure.Message)
	}
	renders := 0
	started := time.Now()
	for range asked.Rounds {
		pods := engine.NewPayload(asked.Pods)
		for !pods.Empty() {
			made := engine.Render([]*engine.Template{parsed}, pods, "web")
			if _, err := json.Marshal(made); err != nil {
				panic(err)
			}
			renders++
		}
	}
	took := time.Since(started).Seconds()
	check(json.NewEncoder(os.Stdout).Encode(map[string]float64{"seconds": took, "renders": float64(renders)}))
}
