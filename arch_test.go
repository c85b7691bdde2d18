package flatwatt_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/flatwatt/flatwatt"

// mayImport says which of the project's own packages each package may import.
// A package that is missing here fails: say where it belongs before you add it.
var mayImport = map[string][]string{
	"":                          {},
	"models":                    {},
	"detectors":                 {"", "models"},
	"detectors/suite":           {""},
	"detectors/balance":         {"", "detectors", "models", "network"},
	"detectors/cluster":         {"", "models", "network"},
	"detectors/plant":           {""},
	"detectors/hall":            {"", "models"},
	"detectors/outside":         {"", "models"},
	"screen":                    {""},
	"access":                    {},
	"casework":                  {"access"},
	"casework/alarms":           {"access", "casework"},
	"casework/energy":           {""},
	"casework/ledger":           {"access", "casework", "casework/energy"},
	"casework/sheet":            {},
	"casework/webhook":          {"access", "casework", "durable"},
	"casework/tips":             {"access", "casework", "casework/ledger"},
	"casework/report":           {"access", "casework", "casework/alarms", "casework/ledger", "casework/price", "casework/sheet", "casework/spotcheck", "casework/tips"},
	"casework/spotcheck":        {"access", "casework", "casework/sheet"},
	"casework/price":            {"access", "casework", "casework/energy", "casework/ledger"},
	"metrics":                   {"", "streams"},
	"durable":                   {},
	"secure":                    {},
	"network":                   {""},
	"grafana":                   {},
	"streams":                   {""},
	"streams/memory":            {"", "streams"},
	"streams/archive":           {"", "durable"},
	"rescore":                   {"", "streams/archive"},
	"schedule":                  {},
	"streams/file":              {"", "streams", "durable"},
	"streams/wire":              {"", "streams/wire/wirepb"},
	"streams/wire/wirepb":       {},
	"streams/jetstream":         {"", "streams", "streams/wire"},
	"streams/ingest":            {"", "streams/jetstream", "streams/wire", "durable"},
	"streams/natsd":             {},
	"streams/partition":         {},
	"streams/formats/format":    {""},
	"streams/formats/sgcc":      {"", "streams/formats/format"},
	"streams/formats/nem12":     {"", "streams/formats/format"},
	"streams/formats/espi":      {"", "streams/formats/format"},
	"streams/formats/cim":       {"", "streams/formats/format"},
	"streams/formats/cmep":      {"", "streams/formats/format"},
	"streams/formats/csvmap":    {"", "streams/formats/format"},
	"streams/formats/lineproto": {"", "streams/formats/format", "streams/wire"},
	"streams/formats/pq":        {"", "streams/formats/format"},
	"streams/formats":           {"", "streams/formats/format", "streams/formats/sgcc", "streams/formats/nem12", "streams/formats/espi", "streams/formats/cim", "streams/formats/cmep", "streams/formats/csvmap", "streams/formats/lineproto", "streams/formats/pq"},
	"streams/influx":            {"", "streams"},
	"streams/influxd":           {},
	"simulate":                  {""},
	"evaluate":                  {""},
	"vee":                       {""},
	"console":                   {"", "access", "casework", "casework/alarms", "casework/energy", "casework/ledger", "casework/price", "casework/report", "casework/sheet", "casework/spotcheck", "casework/tips", "network"},

	"streams/formats/formattest": {"", "streams/formats"}, // tests only
}

// pure packages hold the science: no clock, no I/O, no log, no network.
var pure = []string{"", "models", "detectors", "detectors/balance", "detectors/cluster", "detectors/plant", "detectors/hall", "detectors/outside", "detectors/suite", "network", "screen", "vee"}

var impure = []string{"os", "net", "net/http", "log", "log/slog", "io/ioutil", "math/rand", "syscall"}

func TestImportsFollowTheMap(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		pkg := local(f[0])
		if strings.HasPrefix(pkg, "cmd/") || strings.HasPrefix(pkg, "scripts/") {
			continue // the only place that may wire everything
		}
		allowed, ok := mayImport[pkg]
		if !ok {
			t.Errorf("package %q has no line in mayImport: say what it may import", pkg)
		}
		for _, imp := range f[1:] {
			if strings.HasPrefix(imp, module) && !slices.Contains(allowed, local(imp)) {
				t.Errorf("%q must not import %q", pkg, local(imp))
			}
			if slices.Contains(pure, pkg) && slices.Contains(impure, imp) {
				t.Errorf("%q must stay pure but imports %q", pkg, imp)
			}
		}
	}
}

func local(path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, module), "/")
}
