package check

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTable writes one line per finding, and below it what to run.
func (r Report) WriteTable(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range r {
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.State, f.Part, f.Says)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, f := range r {
		if len(f.Run) == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s, %s:\n", f.Part, f.State)
		for _, line := range f.Run {
			fmt.Fprintln(out, "  "+line)
		}
	}
	return nil
}

// WriteJSON writes an object with the findings and whether one of them is wrong.
func (r Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		OK       bool   `json:"ok"`
		Findings Report `json:"findings"`
	}{!r.Wrong(), r})
}
