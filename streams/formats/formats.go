// Package formats reads files of meter data as utilities really have them. Every format
// is a package below; this one knows them all, tells them apart, and opens a file
// whatever it is wrapped in.
package formats

import (
	"errors"
	"io"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// What a format is and how one is read; see package format.
type (
	Format  = format.Format
	Options = format.Options
	Limits  = format.Limits
	Mapping = format.Mapping
	Info    = format.Info
	Tally   = format.Tally
	Stamp   = format.Stamp
)

// Which end of its interval a time names.
const (
	StampDefault = format.StampDefault
	StampStart   = format.StampStart
	StampEnd     = format.StampEnd
)

// ErrUnknown is the error of Open where no format recognises the file.
var ErrUnknown = errors.New("format not recognised")

// List returns every format, in the order in which they are tried.
func List() []Format {
	return nil
}

// Open reads a file of meter data from r, which need not be seekable (an *os.File saves
// memory with zip and Parquet). name is used in messages and as a hint. It finds out
// compression, encoding and, where opt.Format is empty, the format. Whatever is wrong
// inside the file comes out of the source as flatwatt.Rejected; the error says that it
// cannot be read at all: it is of no known format, or the options contradict it.
func Open(name string, r io.Reader, opt Options) (flatwatt.Source, Info, error) {
	return nil, Info{}, ErrUnknown
}
