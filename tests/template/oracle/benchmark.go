package main

import (
	"encoding/json"
	"os"
	"time"

	"podcm-sync/engine"
)

// benchmark renders one template for many Pods as the WebAssembly module does, with JSON going in
// and out, and writes the renders per second of one core.
func benchmark() {
	var asked struct {
		Source string          `json:"source"`
		Pods   json.RawMessage `json:"pods"`
		Rounds int             `json:"rounds"`
	}
	check(json.NewDecoder(os.Stdin).Decode(&asked))
	parsed, failure := engine.Parse("case", asked.Source)
	if failure != nil {
		panic(failure.Message)
	}
	renders := 0
	started := time.Now()
	for range asked.Rounds {
		var pods []engine.Pod
		check(json.Unmarshal(asked.Pods, &pods))
		for i := range pods {
			made := engine.Render([]*engine.Template{parsed}, &pods[i], "web")
			if _, err := json.Marshal(made); err != nil {
				panic(err)
			}
			renders++
		}
	}
	took := time.Since(started).Seconds()
	check(json.NewEncoder(os.Stdout).Encode(map[string]float64{"seconds": took, "renders": float64(renders)}))
}
