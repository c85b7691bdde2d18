// Package format says what a file format of meter data is, and holds what all of them
// need: bounded decompression, character encodings, lines with their numbers, damage
// done by spreadsheets, wall clocks, register differences, and the joining of channels
// into readings. The formats themselves are packages beside it; package formats knows
// them all.
package format

import (
	"io"
	"time"

	"github.com/flatwatt/flatwatt"
)

// A Format is a kind of file that meter data come in.
type Format struct {
	Name        string   // as in Options.Format: "nem12"
	Description string   // one line, for people
	Extensions  []string // with the dot, lower case: ".csv"
	Joins       bool     // files of one zip are parts of one whole: see Input.Next

	// Sniff says how sure it is, 0 to 100, that a file begins like this format. head
	// is the beginning as UTF-8 and not compressed, except for binary formats.
	Sniff func(head []byte, name string) int

	// Open reads one file of the format. It returns an error where the options cannot
	// be used; what is wrong in the file comes out of the source as flatwatt.Rejected.
	Open func(in *Input, opt Options) (flatwatt.Source, error)
}

// Input is one file to be read: decompressed, and UTF-8 where the format is text.
type Input struct {
	Name  string    // as in Rejected.Where, before ":line"
	R     io.Reader // the text; of a binary format its bytes
	At    io.ReaderAt
	Size  int64  // of At
	Tally *Tally // counts what was put right or left out

	// Next opens the next file of a zip if it is of the same format and the format joins
	// files; nil, or nil from it: there is none.
	Next func() (*Input, error)
}

// Stamp says which end of its interval a time names.
type Stamp string

const (
	StampDefault Stamp = ""      // as the format has it
	StampStart   Stamp = "start" // the interval begins then
	StampEnd     Stamp = "end"   // the interval ends then
)

// Options are what a file does not say of itself. The zero value reads files whose
// format settles everything.
type Options struct {
	Format      string         // name of a format; "" sniffs
	Encoding    string         // "utf-8", "utf-16le", "utf-16be", "gb18030", "latin1"; "" finds out
	Zone        *time.Location // of times without a zone; nil: the format's own, else the meter's in Register, else UTC
	Stamp       Stamp
	Interval    time.Duration // where the file does not say; 0: the register's, else worked out
	FirstPoint  time.Duration // start of P1's interval after midnight, for curve tables: −15m where P1 is stamped 00:00 at its end
	Multiplier  float64       // CT ratio × PT ratio of every meter; 0 is 1. A meter's own (Extra "multiplier", or "ct" × "pt") multiplies it
	Unit        string        // of values without one: kWh, Wh, MWh, kW, W, MW; "" as the format has it
	StripPrefix string        // taken off identifiers, such as the "B" put before numbers to save them from spreadsheets
	IDDigits    int           // identifiers of digits only are filled with zeros from the left to this length; 0 leaves them

	Mapping  *Mapping                            // of CSV and line protocol; nil: found from the names of columns
	Register map[flatwatt.MeterID]flatwatt.Meter // nil takes any meter; otherwise others are rejected
	Limits   Limits

	// Totals keeps readings longer than an hour (NEM13, daily and monthly energy), which
	// are otherwise rejected because nothing in flatwatt scores them.
	Totals bool
	// OnRegister is told what registers of all delivered energy showed, in the order of the
	// file, so that intervals can be checked against them; nil tells nobody.
	OnRegister func(RegisterReading)
	// Window is how many readings may be held back to join channels and corrections that
	// stand apart in the file; 0 means DefaultWindow.
	Window int
}

// Limits bound what a file may make a reader do; zero fields take the defaults.
type Limits struct {
	LineBytes     int   // longest line or XML text; default 1 MiB
	ExpandedBytes int64 // after decompression, all files of a zip together; default 1 TiB
	TooLarge      error // what goes beyond ExpandedBytes fails with; nil: it is rejected as damage
	Ratio         int64 // expanded / compressed, once 64 MiB are expanded; default 300
	Depth         int   // nesting of XML and JSON; default 32
	Members       int   // files in a zip; default 10,000
	SpoolBytes    int64 // of a zip or Parquet file that is not a file on disk, kept in memory; default 64 MiB
	Meters        int   // meters remembered at a time for register differences; default 200,000

	expanded *int64 // so far, of the files of an input
}

// Info says what a file turned out to be.
type Info struct {
	Format      Format
	Confidence  int      // of sniffing, 0 to 100; 100 where Options.Format said it
	Encoding    string   // "utf-8", "gb18030" …; "" for binary formats
	Compression string   // "", "gzip", "zstd" or "zip"
	Members     []string // files in a zip, in the order read
	Tally       *Tally   // grows while the source is read
}

// A Mapping tells which column of a CSV file, or which tag or field of line protocol,
// means what. A column is named as in the header (case does not matter) or as "#3",
// counted from one.
type Mapping struct {
	Layout     string            `yaml:"layout,omitempty"`      // "long": a reading a row; "wide": a day a row; "" finds out
	Separator  string            `yaml:"separator,omitempty"`   // "," ";" "\t" "|"; "" finds out
	Decimal    string            `yaml:"decimal,omitempty"`     // "." or ","; "" finds out
	SkipLines  int               `yaml:"skip_lines,omitempty"`  // before the header
	NoHeader   bool              `yaml:"no_header,omitempty"`   // columns are then named "#1", "#2" …
	Meter      string            `yaml:"meter,omitempty"`       // column of the meter's identifier
	Time       string            `yaml:"time,omitempty"`        // column of the whole time stamp
	Date       string            `yaml:"date,omitempty"`        // or of its date
	Clock      string            `yaml:"clock,omitempty"`       // and of its time of day
	TimeLayout []string          `yaml:"time_layout,omitempty"` // Go layouts, "unix", "unixms"; none: the usual ones
	Energy     string            `yaml:"energy,omitempty"`      // delivered energy, or mean power if Unit says so
	Export     string            `yaml:"export,omitempty"`      // taken off Energy
	Register   string            `yaml:"register,omitempty"`    // cumulative register instead of Energy
	Reactive   string            `yaml:"reactive,omitempty"`
	Voltage    string            `yaml:"voltage,omitempty"`
	Quality    string            `yaml:"quality,omitempty"`
	Qualities  map[string]string `yaml:"qualities,omitempty"` // word in the file: actual, estimated, edited or missing
	Channel    string            `yaml:"channel,omitempty"`   // column that says what a row holds
	Channels   map[string]string `yaml:"channels,omitempty"`  // word in it: import, export, reactive, reactive_export, voltage, skip, or register, register_export …
	Version    string            `yaml:"version,omitempty"`   // column by which of two rows the larger wins
	Unit       string            `yaml:"unit,omitempty"`      // kWh, Wh, MWh, kW, W, MW
	UnitColumn string            `yaml:"unit_column,omitempty"`
	Points     string            `yaml:"points,omitempty"`      // wide: first column of points, "" finds out
	PointCount int               `yaml:"point_count,omitempty"` // wide: how many, 0 finds out
	Elapsed    bool              `yaml:"elapsed,omitempty"`     // wide: columns count time since midnight, not the clock, on days the clocks change
	Measure    string            `yaml:"measurement,omitempty"` // line protocol: the measurement; "" is "reading"
	Precision  string            `yaml:"precision,omitempty"`   // line protocol: ns, us, ms or s
}

// Tally counts what was noticed and put right, or left out without being wrong.
type Tally struct {
	Readings    int64 // given out
	Rejected    int64
	Missing     int64 // intervals marked as without a value
	Duplicates  int64 // the same value for the same interval again
	Corrections int64 // another value for the same interval; the later version stayed
	Rollovers   int64 // registers that went over their highest number
	Resets      int64 // registers that fell: swapped or reset meters; the interval is left out
	Gaps        int64 // register readings too far apart to be an interval
	Repaired    int64 // fields put right after a spreadsheet: quotes, ="…", 1.0
	Totals      int64 // longer than an hour
	Skipped     map[string]int64
}

// Skip counts values left out because flatwatt has no use for them, by what they are.
func (t *Tally) Skip(what string, n int64) {
	const most = 1000
	if t.Skipped == nil {
		t.Skipped = map[string]int64{}
	}
	if _, ok := t.Skipped[what]; !ok && len(t.Skipped) >= most {
		what = "other"
	}
	t.Skipped[what] += n
}
