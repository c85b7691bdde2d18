package file

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flatwatt/flatwatt"
)

// docExamples are the fenced examples of docs/formats.md by the file name behind the fence.
func docExamples(t *testing.T) (text string, examples map[string]string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "formats.md"))
	if err != nil {
		t.Fatal(err)
	}
	examples = map[string]string{}
	for i, part := range strings.Split(string(b), "```") {
		if name, body, ok := strings.Cut(part, "\n"); i%2 == 1 && ok {
			examples[strings.TrimPrefix(name, "csv ")] = body
		}
	}
	return string(b), examples
}

// TestTheExamplesOfTheManual loads the manual's examples as one fleet, and checks what
// the manual says about them.
func TestTheExamplesOfTheManual(t *testing.T) {
	_, ex := docExamples(t)
	if len(ex) != 7 {
		t.Errorf("%d examples", len(ex))
	}
	dir := fleetOf(t, ex)
	f := load(t, dir, Options{})
	if len(f.Rejects()) > 0 || len(f.Notes()) > 0 {
		t.Errorf("rejects %+v, notes %+v", f.Rejects(), f.Notes())
	}
	s := f.Stats()
	if s.Rows != 11 || s.Readings != 9 || s.Duplicates != 1 || s.Superseded != 1 || s.Conflicts != 0 || s.Late != 1 || s.Gaps != 0 {
		t.Errorf("%+v", s)
	}
	if c, _ := f.Series("C-1002"); !slices.Equal(c.Energy, []float64{21.25, 21.4, 21}) || c.Quality[1] != flatwatt.Edited {
		t.Errorf("the correction did not win: %+v", c)
	}
	if len(f.Truth()) != 2 || len(f.WeatherRows()) != 2 || f.Meters()[1].Extra["note"] != "two halls, one rented out" {
		t.Errorf("truth %+v, weather %+v, meters %+v", f.Truth(), f.WeatherRows(), f.Meters())
	}
	found, err := ReadFindings(filepath.Join(dir, "findings.csv"))
	if err != nil || len(found) != 2 || found[0].Rank != 1 || found[1].Probability == found[1].Probability {
		t.Errorf("%v, %+v", err, found)
	}
	for sc, err := range ReadScores(filepath.Join(dir, "scores.csv")) {
		if err != nil || sc.Day.String() != "2026-01-15" || sc.Features.ValidShare != 0.998 {
			t.Errorf("%v, %+v", err, sc)
		}
	}
}

// TestTheManualNamesWhatIsWritten compares its headers with those of the writers.
func TestTheManualNamesWhatIsWritten(t *testing.T) {
	text, ex := docExamples(t)
	head := func(name string) []string {
		line, _, _ := strings.Cut(ex[name], "\n")
		return strings.Split(line, ",")
	}
	dir := t.TempDir()
	w, err := NewScoresWriter(filepath.Join(dir, "scores.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	scores, err := os.ReadFile(filepath.Join(dir, "scores.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"findings.csv": findingColumns, "truth.csv": truthColumns, "readings/2026-01-15.csv": roleNames[1:],
		"scores.csv": strings.Split(strings.TrimSpace(string(scores)), ","), "meters.csv": append(slices.Clone(meterColumns), "note"),
	} {
		if got := head(name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the manual has %v, the writer %v", name, got, want)
		}
		for _, column := range want {
			if !strings.Contains(text, "`"+column+"`") {
				t.Errorf("the manual does not explain column %s of %s", column, name)
			}
		}
	}
}

// TestTheManualsNumbers holds the limits that the manual states against the code.
func TestTheManualsNumbers(t *testing.T) {
	text, _ := docExamples(t)
	if MaxLineBytes != 65_536 || snapSeconds != 5 || firstYear != 1990 || lastYear != 2100 || DefaultMaxRejects != 10_000 ||
		maxEnergyKWh != 1e8 || maxWeatherAge != 3*time.Hour {
		t.Error("a limit differs from docs/formats.md")
	}
	for _, word := range []string{"empty", "actual", "A", "measured", "valid", "V"} {
		if word == "empty" {
			word = ""
		}
		if q, ok := parseQuality([]byte(word)); !ok || q != flatwatt.Actual {
			t.Errorf("%q is read as %v", word, q)
		}
	}
	for word, want := range map[string]flatwatt.Quality{"estimated": 1, "E": 1, "substituted": 1, "S": 1, "Edited": 2, "f": 2,
		"final": 2, "manual": 2, "M": 2, "N": missing, "missing": missing, "NULL": missing} {
		q, ok := parseQuality([]byte(word))
		if !ok || q != want || !strings.Contains(strings.ToLower(text), "`"+strings.ToLower(word)+"`") {
			t.Errorf("%q is read as %v, %v, or is not in the manual", word, q, ok)
		}
	}
}
