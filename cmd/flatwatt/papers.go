package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt/casework/sheet"
	"github.com/flatwatt/flatwatt/durable"
)

// outFlags say where a document goes.
type outFlags struct{ path, format string }

func (f *outFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.path, "out", "", "`file` to write: .html, .xlsx or .csv; - for standard output")
	cmd.Flags().StringVar(&f.format, "format", "", "html, xlsx or csv; the default goes by the file's name")
	complete(cmd, "format", sheet.Formats())
	needFlags(cmd, "out")
}

// write renders a document, whole or not at all.
func (f *outFlags) write(p *Program, d *sheet.Document) error {
	format := f.format
	if format == "" {
		if i := strings.LastIndexByte(f.path, '.'); i >= 0 {
			format = f.path[i+1:]
		}
	}
	var b strings.Builder
	if err := d.Render(&b, format); err != nil {
		return usageError{err}
	}
	if f.path == "-" {
		_, err := io.WriteString(p.Stdout, b.String())
		return err
	}
	return durable.WriteBytes(f.path, 0o600, []byte(b.String()))
}

// readColumns reads the named columns of a CSV file; one that the file lacks is empty.
// Every fault is told with its line.
func readColumns(path string, names []string, row func([]string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return usageError{err}
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	head, err := r.Read()
	if err != nil {
		return dataError{fmt.Errorf("%s:1: %w", path, err)}
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff")
	at := map[string]int{}
	for i, h := range head {
		at[strings.ToLower(strings.TrimSpace(h))] = i
	}
	if _, ok := at[names[0]]; !ok {
		return dataError{fmt.Errorf("%s:1: there is no column %s; want %s", path, names[0], strings.Join(names, ", "))}
	}
	for {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return dataError{fmt.Errorf("%s: %w", path, err)}
		}
		picked := make([]string, len(names))
		for i, name := range names {
			if j, ok := at[name]; ok && j < len(cells) {
				picked[i] = strings.TrimSpace(cells[j])
			}
		}
		if err := row(picked); err != nil {
			line, _ := r.FieldPos(0)
			return dataError{fmt.Errorf("%s:%d: %w", path, line, err)}
		}
	}
}
