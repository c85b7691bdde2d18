package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/network"
)

func newTopology(p *Program, opt *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topology",
		Short: "Check what hangs below what",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var dir string
	check := &cobra.Command{
		Use:   "check --fleet DIR",
		Short: "Report circles, orphans and wrong parents with their line and remedy",
		Long: `Check reads the parent column of meters.csv and, where it is there, topology.csv
(child, parent, kind, from, to; docs/formats.md), and prints everything that is wrong with
the network. Exit code 3 if anything is.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return p.topologyCheck(opt, dir) },
	}
	check.Flags().StringVar(&dir, "fleet", "", "fleet `directory`")
	needFlags(check, "fleet")
	cmd.AddCommand(check)
	return cmd
}

func (p *Program) topologyCheck(opt *options, dir string) error {
	net, faults, err := readNetwork(dir)
	if err != nil {
		return dataError{err}
	}
	switch opt.output {
	case "json":
		err = writeTopologyJSON(p.Stdout, net, faults)
	case "csv":
		err = writeFaultsCSV(p.Stdout, faults)
	default:
		writeTopology(p.Stdout, p.style(p.Stdout), net, faults)
	}
	if err == nil && len(faults) > 0 {
		err = dataError{fmt.Errorf("%s: %d faults in the network", dir, len(faults))}
	}
	return err
}

// readNetwork reads the network of a fleet directory as its files were written.
func readNetwork(dir string) (*network.Network, []network.Fault, error) {
	register, faults, err := readLinks(dir, "meters.csv", network.ReadRegister)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w: a fleet directory needs meters.csv with one row per meter", err)
	}
	if err != nil {
		return nil, nil, err
	}
	changes, more, err := readLinks(dir, "topology.csv", network.ReadChanges)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	net, wrong := network.New(register, changes)
	return net, slices.Concat(faults, more, wrong), nil
}

// networkOf is the network by which a fleet is scored: the register as it was taken, with
// the changes of topology.csv. Faults are said, and do not stop anything.
func (p *Program) networkOf(dir string, meters []flatwatt.Meter) (*network.Network, error) {
	net, faults, err := buildNetwork(dir, meters)
	p.sayFaults(faults)
	return net, err
}

// networkBeside builds the network while the caller does other things, and tells its faults
// when it is asked for: a register of a million meters takes a second or two.
func (p *Program) networkBeside(dir string, meters []flatwatt.Meter) func() (*network.Network, error) {
	var net *network.Network
	var faults []network.Fault
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		net, faults, err = buildNetwork(dir, meters)
	}()
	return func() (*network.Network, error) {
		<-done
		p.sayFaults(faults)
		return net, err
	}
}

func (p *Program) sayFaults(faults []network.Fault) {
	for _, f := range faults {
		if strings.HasPrefix(f.Where, "topology.csv") { // meters.csv has its own report
			p.say("%s", f)
		}
	}
}

func buildNetwork(dir string, meters []flatwatt.Meter) (*network.Network, []network.Fault, error) {
	changes, faults, err := readLinks(dir, "topology.csv", network.ReadChanges)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, dataError{err}
	}
	net, wrong := network.New(network.Parents(meters), changes)
	return net, slices.Concat(faults, wrong), nil
}

type linkReader func(io.Reader, string) ([]network.Link, []network.Fault, error)

// readLinks reads a file of the fleet, plain or compressed; fs.ErrNotExist without either.
func readLinks(dir, name string, read linkReader) ([]network.Link, []network.Fault, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		name += ".gz"
		f, err = os.Open(filepath.Join(dir, name))
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if !strings.HasSuffix(name, ".gz") {
		return read(f, name)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: not a gzip file (%w): compress it again or store it plain", name, err)
	}
	return read(z, name)
}

func writeTopology(w io.Writer, st style, net *network.Network, faults []network.Fault) {
	count := net.Count()
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[k], k))
	}
	fmt.Fprintf(w, "%s  %s\n", st.dim("network"), strings.Join(parts, ", "))
	if len(faults) == 0 {
		fmt.Fprintf(w, "%s   %s\n", st.dim("faults"), st.green("none"))
		return
	}
	fmt.Fprintf(w, "%s   %s\n\n", st.dim("faults"), st.red(fmt.Sprint(len(faults))))
	for _, f := range faults {
		fmt.Fprintf(w, "%s  %s %s\n", st.bold(f.Where), f.Meter, f.Problem)
		fmt.Fprintf(w, "    %s\n", f.Remedy)
	}
}

// A faultJSON is a fault as it is printed.
type faultJSON struct {
	Where   string `json:"where"`
	Meter   string `json:"meter_id"`
	Field   string `json:"field,omitempty"`
	Problem string `json:"problem"`
	Remedy  string `json:"remedy"`
}

func writeTopologyJSON(w io.Writer, net *network.Network, faults []network.Fault) error {
	list := make([]faultJSON, len(faults))
	for i, f := range faults {
		list[i] = faultJSON{f.Where, string(f.Meter), f.Field, f.Problem, f.Remedy}
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"count": net.Count(), "tops": net.Tops(), "faults": list})
}

func writeFaultsCSV(w io.Writer, faults []network.Fault) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"where", "meter_id", "field", "problem", "remedy"}) // Error tells below
	for _, f := range faults {
		_ = out.Write([]string{f.Where, cellSafe(string(f.Meter)), f.Field, f.Problem, f.Remedy})
	}
	out.Flush()
	return out.Error()
}
