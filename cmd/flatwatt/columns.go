package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func writeCSV(w io.Writer, head []string, rows [][]string) error {
	out := csv.NewWriter(w)
	_ = out.Write(head) // the first error sticks
	_ = out.WriteAll(rows)
	return out.Error()
}

// writeColumns prints rows as a table; numbers to the right.
func writeColumns(w io.Writer, st style, head []string, rows [][]string) {
	widths := make([]int, len(head))
	right := make([]bool, len(head))
	for i := range head {
		widths[i], right[i] = columns(head[i]), len(rows) > 0
		for _, r := range rows {
			widths[i] = max(widths[i], columns(r[i]))
			if _, err := strconv.ParseFloat(strings.TrimRight(r[i], " %"), 64); err != nil && r[i] != dash && r[i] != "" {
				right[i] = false
			}
		}
	}
	line := func(cells []string) string {
		parts := make([]string, len(cells))
		for i, c := range cells {
			parts[i] = pad(c, widths[i], right[i])
		}
		return strings.TrimRight(strings.Join(parts, "  "), " ")
	}
	fmt.Fprintln(w, st.bold(line(head)))
	for _, r := range rows {
		fmt.Fprintln(w, line(r))
	}
}
