// Package formats reads files of meter data as utilities really have them. Every format
// is a package below; this one knows them all, tells them apart, and opens a file
// whatever it is wrapped in.
package formats

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/formats/cim"
	"github.com/flatwatt/flatwatt/streams/formats/cmep"
	"github.com/flatwatt/flatwatt/streams/formats/csvmap"
	"github.com/flatwatt/flatwatt/streams/formats/espi"
	"github.com/flatwatt/flatwatt/streams/formats/format"
	"github.com/flatwatt/flatwatt/streams/formats/lineproto"
	"github.com/flatwatt/flatwatt/streams/formats/nem12"
	"github.com/flatwatt/flatwatt/streams/formats/pq"
	"github.com/flatwatt/flatwatt/streams/formats/sgcc"
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

	RegisterReading = format.RegisterReading
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
	return []Format{
		pq.Format(), nem12.Format(), cmep.Format(), espi.Format(), cim.Format(),
		sgcc.Format(), lineproto.Format(), csvmap.Format(),
	}
}

// Find returns the format of that name.
func Find(name string) (Format, bool) {
	for _, f := range List() {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}

// Names lists the names of the formats, for messages.
func Names() string {
	var names []string
	for _, f := range List() {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// Open reads a file of meter data from r, which need not be seekable (an *os.File saves
// memory with zip and Parquet). name is used in messages and as a hint. It finds out
// compression, encoding and, where opt.Format is empty, the format. Whatever is wrong
// inside the file comes out of the source as flatwatt.Rejected; the error says that it
// cannot be read at all: it is of no known format (ErrUnknown), or the options
// contradict it.
//
// Of a zip with several files all are read, one after the other; Info speaks of the
// first, and a later one of no known format is rejected whole.
func Open(name string, r io.Reader, opt Options) (flatwatt.Source, Info, error) {
	info := Info{Tally: &Tally{}}
	members, compression, err := unwrap(name, r, opt.Limits)
	if err != nil {
		return damaged(name, compression, opt, info, err)
	}
	info.Compression = compression
	if compression == "zip" {
		for _, m := range members {
			info.Members = append(info.Members, m.Name[len(name)+1:])
		}
		if len(members) == 0 {
			return nil, info, fmt.Errorf("%s: the zip file is empty: %w", name, ErrUnknown)
		}
	}
	c := &chain{rest: members[1:], opt: opt, tally: info.Tally}
	c.now, err = c.open(members[0], &info)
	var d *format.Damage
	if errors.As(err, &d) && len(members) > 1 { // the others may be whole
		c.now, err = c.reject(members[0].Name, d), nil
	}
	if err != nil {
		return damaged(name, compression, opt, info, err)
	}
	if len(members) == 1 {
		return c.now, info, nil
	}
	return c, info, nil
}

func unwrap(name string, r io.Reader, lim Limits) (members []format.Member, compression string, err error) {
	defer format.Recover(&err)
	return format.Unwrap(name, r, lim)
}

// damaged makes a source that rejects the file, if err says that the file is at fault.
func damaged(name, compression string, opt Options, info Info, err error) (flatwatt.Source, Info, error) {
	var d *format.Damage
	if !errors.As(err, &d) {
		return nil, info, err
	}
	info.Compression = compression
	in := &format.Input{Name: name, Tally: info.Tally}
	return format.NewSource(in, opt, func(*format.Out) error { return d }), info, nil
}

// open finds out what a file is and opens it. It fills in info.
func (c *chain) open(m format.Member, info *Info) (src flatwatt.Source, err error) {
	defer format.Recover(&err)
	in, err := c.find(m, info)
	if err != nil {
		return nil, err
	}
	if f := info.Format; f.Joins && len(c.rest) > 0 {
		in.Next = func() (*format.Input, error) { return c.more(f, in.Next) }
	}
	return info.Format.Open(in, c.opt)
}

// more opens the next file if it is of a format; it is then no longer one of the rest.
func (c *chain) more(f Format, next func() (*format.Input, error)) (*format.Input, error) {
	if len(c.rest) == 0 {
		return nil, nil
	}
	info := Info{Tally: c.tally}
	in, err := c.find(c.rest[0], &info)
	var d *format.Damage
	switch {
	case errors.As(err, &d), errors.Is(err, ErrUnknown), err == nil && info.Format.Name != f.Name:
		return nil, nil // it will be opened again, as a file of its own
	case err != nil:
		return nil, err
	}
	c.rest = c.rest[1:]
	in.Next = next
	return in, nil
}

// find finds out what a file is.
func (c *chain) find(m format.Member, info *Info) (in *format.Input, err error) {
	defer format.Recover(&err) // here too: what is asked for by more is not the file at hand
	r, err := m.Open()
	if err != nil {
		return nil, err
	}
	b := bufio.NewReaderSize(r, format.Peek)
	head, err := b.Peek(format.Peek)
	if err != nil && err != io.EOF && len(head) == 0 {
		return nil, fmt.Errorf("reading %s: %w", m.Name, err)
	}
	if len(head) == 0 && c.opt.Format == "" {
		return nil, &format.Damage{Line: 1, Reason: "the file is empty: export it again"}
	}
	in = &format.Input{Name: m.Name, R: b, At: m.At, Size: m.Size, Tally: info.Tally}
	if !bytes.HasPrefix(head, []byte("PAR1")) {
		if info.Encoding = c.opt.Encoding; info.Encoding == "" {
			info.Encoding = format.DetectEncoding(head)
		}
		if in.R, err = format.UTF8(b, info.Encoding); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		head = format.HeadUTF8(head, info.Encoding)
	}
	info.Format, info.Confidence, err = choose(m.Name, head, c.opt)
	return in, err
}

func choose(name string, head []byte, opt Options) (best Format, confidence int, err error) {
	if opt.Format != "" {
		f, ok := Find(opt.Format)
		if !ok {
			return f, 0, fmt.Errorf("format %q is not known: use one of %s", opt.Format, Names())
		}
		return f, 100, nil
	}
	for _, f := range List() {
		if c := f.Sniff(head, name); c > confidence {
			best, confidence = f, c
		}
	}
	if confidence == 0 {
		return best, 0, fmt.Errorf("%s: %w: name it by option (%s); a CSV file needs a mapping where its columns are not named as in docs/formats.md", name, ErrUnknown, Names())
	}
	return best, confidence, nil
}

// A chain reads the files of a zip one after the other.
type chain struct {
	now   flatwatt.Source
	rest  []format.Member
	opt   Options
	tally *Tally
	base  flatwatt.Position // of the files before
	here  flatwatt.Position
}

// Read implements flatwatt.Source.
func (c *chain) Read(ctx context.Context) (flatwatt.Batch, error) {
	for {
		b, err := c.now.Read(ctx)
		b.Next += c.base
		c.here = b.Next
		if err != io.EOF || len(c.rest) == 0 {
			return b, err
		}
		m := c.rest[0]
		c.base, c.rest = c.here, c.rest[1:]
		info := Info{Tally: c.tally}
		next, err := c.open(m, &info)
		var d *format.Damage
		switch {
		case errors.As(err, &d):
			next = c.reject(m.Name, d)
		case errors.Is(err, ErrUnknown):
			next = c.reject(m.Name, &format.Damage{Reason: "the format of this file in the zip is not recognised: take it out, or name the format by option"})
		case err != nil:
			return flatwatt.Batch{Next: c.here}, err
		}
		c.now = next
	}
}

func (c *chain) reject(name string, d *format.Damage) flatwatt.Source {
	in := &format.Input{Name: name, Tally: c.tally}
	return format.NewSource(in, c.opt, func(*format.Out) error { return d })
}
