// Grafana's own types as the judge of a dashboard: it reads one on stdin and prints what is wrong.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	if err := check(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func check() error {
	// The options of a panel, and its queries, are strict only if their types are known here.
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(table.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	raw, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var board dashboard.Dashboard
	if err := judge(&board, raw); err != nil {
		return err
	}
	// The generated code reads panels strictly, and then doesn't keep them.
	var rest struct{ Panels []json.RawMessage }
	if err := json.Unmarshal(raw, &rest); err != nil {
		return err
	}
	for _, each := range rest.Panels {
		var kind struct{ Type string }
		if err := json.Unmarshal(each, &kind); err != nil {
			return err
		}
		if kind.Type == "row" {
			if err := judge(&dashboard.RowPanel{}, each); err != nil {
				return err
			}
			continue
		}
		var panel dashboard.Panel
		if err := judge(&panel, each); err != nil {
			return err
		}
		if _, known := cog.ConfigForPanelcfgVariant(panel.Type); !known {
			return fmt.Errorf("panel type %q isn't known here", panel.Type)
		}
		for _, target := range panel.Targets {
			if target.DataqueryType() != "prometheus" {
				return fmt.Errorf("a query of type %q isn't known here", target.DataqueryType())
			}
		}
	}
	return nil
}

type strict interface {
	UnmarshalJSONStrict(raw []byte) error
	Validate() error
}

func judge(into strict, raw []byte) error {
	for _, err := range []error{into.UnmarshalJSONStrict(raw), into.Validate()} {
		// The generated code also returns lists of errors that are empty.
		var found cog.BuildErrors
		if errors.As(err, &found) && len(found) == 0 {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
