package format

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

const (
	defaultExpanded = 1 << 40
	defaultRatio    = 300
	ratioFrom       = 64 << 20
	defaultMembers  = 10_000
	defaultSpool    = 64 << 20
	zstdWindow      = 64 << 20
	peekBytes       = 64 << 10
)

// Peek is how much of a file is looked at to find out what it is.
const Peek = peekBytes

// A Member is one file, found in another or not.
type Member struct {
	Name string
	Open func() (io.Reader, error)
	At   io.ReaderAt // where the file need not be unpacked; nil otherwise
	Size int64
}

// Unwrap takes gzip, zstd or zip off r, as its first bytes say. It returns the files
// found inside, one where r is no zip, to be read in turn. One layer of gzip or zstd
// inside a zip is taken off as well. A zip must be seekable or small enough to be held.
func Unwrap(name string, r io.Reader, lim Limits) (members []Member, compression string, err error) {
	lim.expanded = new(int64)
	at, size, isFile := seekable(r)
	head := make([]byte, 4)
	var n int
	if isFile {
		n, err = at.ReadAt(head, 0)
		r = io.NewSectionReader(at, 0, size)
	} else {
		b := bufio.NewReaderSize(r, peekBytes)
		head, err = b.Peek(4)
		n, r = len(head), b
	}
	if err != nil && err != io.EOF {
		return nil, "", fmt.Errorf("reading %s: %w", name, err)
	}
	switch magic(head[:n]) {
	case "zip":
		if !isFile {
			if at, size, err = spool(name, r, lim); err != nil {
				return nil, "", err
			}
		}
		members, err = unzip(name, at, size, lim)
		return members, "zip", err
	case "gzip", "zstd":
		c := magic(head[:n])
		return []Member{{Name: name, Open: func() (io.Reader, error) { return expand(r, c, lim) }}}, c, nil
	}
	m := Member{Name: name, Open: func() (io.Reader, error) { return r, nil }}
	if isFile {
		m.At, m.Size = at, size
	}
	return []Member{m}, "", nil
}

func magic(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("PK\x03\x04")) || bytes.HasPrefix(b, []byte("PK\x05\x06")):
		return "zip"
	case bytes.HasPrefix(b, []byte{0x1f, 0x8b}):
		return "gzip"
	case bytes.HasPrefix(b, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return "zstd"
	}
	return ""
}

// seekable says whether r can be read at any place, from where it now stands.
func seekable(r io.Reader) (at io.ReaderAt, size int64, ok bool) {
	type file interface {
		io.ReaderAt
		io.Seeker
	}
	f, ok := r.(file)
	if !ok {
		return nil, 0, false
	}
	here, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, 0, false
	}
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, false // a pipe
	}
	if _, err := f.Seek(here, io.SeekStart); err != nil || end < here {
		return nil, 0, false
	}
	return io.NewSectionReader(f, here, end-here), end - here, true
}

// spool holds a file in memory that must be read at any place.
func spool(name string, r io.Reader, lim Limits) (io.ReaderAt, int64, error) {
	most := lim.SpoolBytes
	if most <= 0 {
		most = defaultSpool
	}
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, 0, fmt.Errorf("reading %s: %w", name, err)
	}
	if int64(len(b)) > most {
		return nil, 0, &Damage{Reason: fmt.Sprintf("zip and Parquet files over %d bytes must be files on disk, not streams: save it first", most)}
	}
	return bytes.NewReader(b), int64(len(b)), nil
}

// ReaderAt makes the bytes of in readable at any place, holding them where need be.
func (in *Input) ReaderAt(lim Limits) (io.ReaderAt, int64, error) {
	if in.At != nil {
		return in.At, in.Size, nil
	}
	return spool(in.Name, in.R, lim)
}

func unzip(name string, at io.ReaderAt, size int64, lim Limits) ([]Member, error) {
	z, err := zip.NewReader(at, size)
	if err != nil {
		return nil, &Damage{Reason: fmt.Sprintf("the zip file is damaged or cut off (%v): copy or export it again", err)}
	}
	files := slices.DeleteFunc(z.File, func(f *zip.File) bool {
		base := f.Name[strings.LastIndexByte(f.Name, '/')+1:]
		return f.FileInfo().IsDir() || strings.HasPrefix(f.Name, "__MACOSX/") || strings.HasPrefix(base, ".")
	})
	if most := orDefault(lim.Members, defaultMembers); len(files) > most {
		return nil, &Damage{Reason: fmt.Sprintf("the zip file holds %d files, the limit is %d: split it", len(files), most)}
	}
	slices.SortStableFunc(files, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	var members []Member
	for _, f := range files {
		members = append(members, Member{
			Name: name + "/" + f.Name,
			Open: func() (io.Reader, error) { return openMember(f, lim) },
		})
	}
	return members, nil
}

func openMember(f *zip.File, lim Limits) (io.Reader, error) {
	if f.Flags&1 != 0 {
		return nil, &Damage{Reason: "the file in the zip is encrypted: unpack it first"}
	}
	rc, err := f.Open()
	if err != nil {
		return nil, &Damage{Reason: fmt.Sprintf("the file in the zip cannot be unpacked (%v): pack it again with deflate", err)}
	}
	g := &guard{r: rc, packed: func() int64 { return int64(f.CompressedSize64) }, lim: lim, what: "zip"}
	b := bufio.NewReaderSize(g, peekBytes)
	head, _ := b.Peek(4)
	switch c := magic(head); c {
	case "zip":
		return nil, &Damage{Reason: "the zip holds another zip: unpack the outer one first"}
	case "gzip", "zstd":
		return expand(b, c, lim)
	}
	return b, nil
}

// expand decompresses r under a guard.
func expand(r io.Reader, compression string, lim Limits) (io.Reader, error) {
	c := &counter{r: r}
	packed := func() int64 { return c.n }
	if compression == "zstd" {
		z, err := zstd.NewReader(c, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		return &guard{r: z, packed: packed, lim: lim, what: "zstd"}, nil
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(c, peekBytes))
	if err != nil {
		return nil, &Damage{Reason: fmt.Sprintf("the gzip file is damaged (%v): copy or export it again", err)}
	}
	return &guard{r: z, packed: packed, lim: lim, what: "gzip"}, nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

// A guard passes on what a decompressor gives, up to the limits, and turns its errors
// into Damage. Errors of the reader below it stay what they are only if they are the
// operating system's.
type guard struct {
	r      io.Reader
	packed func() int64
	lim    Limits
	what   string
	n      int64
}

func (g *guard) Read(b []byte) (int, error) {
	n, err := g.r.Read(b)
	g.n += int64(n)
	*g.lim.expanded += int64(n)
	most, ratio := g.lim.ExpandedBytes, g.lim.Ratio
	if most <= 0 {
		most = defaultExpanded
	}
	if ratio <= 0 {
		ratio = defaultRatio
	}
	switch {
	case *g.lim.expanded > most && g.lim.TooLarge != nil:
		return 0, fmt.Errorf("%w: the %s file expands to more than %d bytes; send it in parts", g.lim.TooLarge, g.what, most)
	case *g.lim.expanded > most:
		return 0, &Damage{Reason: fmt.Sprintf("the %s file expands to more than %d bytes, which is the limit: split it", g.what, most)}
	case g.n > ratioFrom && g.n/ratio > g.packed():
		return 0, &Damage{Reason: fmt.Sprintf("the %s file expands more than %d-fold, as no meter data do: it is refused as a decompression bomb", g.what, ratio)}
	}
	if err != nil && err != io.EOF && !isSystem(err) && (g.lim.TooLarge == nil || !errors.Is(err, g.lim.TooLarge)) {
		err = &Damage{Reason: fmt.Sprintf("the %s file is damaged or cut off here (%v): copy or export it again", g.what, err)}
	}
	return n, err
}

// isSystem says whether an error came from the operating system, the network or the
// caller, and not from the bytes.
func isSystem(err error) bool {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	var timeout interface{ Timeout() bool } // *fs.PathError, net.Error, context.DeadlineExceeded
	return errors.As(err, &timeout)
}
