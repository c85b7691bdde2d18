package format

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// DetectEncoding says how the text that begins with head is encoded: by its byte order
// mark, by the zero bytes of UTF-16, or, where it is not UTF-8, as GB18030 if it is
// that, and as Latin-1 at last. Letters of Latin-1 rarely pass for GB18030, since one
// of its characters is two bytes, the first of them beyond ASCII.
func DetectEncoding(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		return "utf-8"
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return "utf-16le"
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return "utf-16be"
	}
	if even, odd := zeros(head); even+odd > len(head)/4 {
		if odd > 4*even {
			return "utf-16le"
		}
		if even > 4*odd {
			return "utf-16be"
		}
	}
	switch {
	case validPrefix(head):
		return "utf-8"
	case looksGB18030(head):
		return "gb18030"
	}
	return "latin1"
}

// zeros counts zero bytes at even and odd places.
func zeros(b []byte) (even, odd int) {
	for i, c := range b {
		if c == 0 && i%2 == 0 {
			even++
		} else if c == 0 {
			odd++
		}
	}
	return even, odd
}

// validPrefix says whether b is UTF-8, but for a character cut off at its end.
func validPrefix(b []byte) bool {
	for cut := 0; cut < utf8.UTFMax && cut <= len(b); cut++ {
		if utf8.Valid(b[:len(b)-cut]) {
			return cut == 0 || !utf8.FullRune(b[len(b)-cut:])
		}
	}
	return false
}

func looksGB18030(b []byte) bool {
	seen := false
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c < 0x80:
			i++
			continue
		case c == 0x80 || c == 0xff:
			return false
		case i+1 >= len(b):
			return seen
		}
		switch d := b[i+1]; {
		case d >= 0x40 && d != 0x7f && d != 0xff:
			i += 2
		case d >= 0x30 && d <= 0x39:
			if i+3 < len(b) && (b[i+2] < 0x81 || b[i+3] < 0x30 || b[i+3] > 0x39) {
				return false
			}
			i += 4
		default:
			return false
		}
		seen = true
	}
	return seen
}

// UTF8 makes r UTF-8; name is as in Options.Encoding.
func UTF8(r io.Reader, name string) (io.Reader, error) {
	var e encoding.Encoding
	switch name {
	case "utf-8", "utf8":
		return r, nil
	case "utf-16le":
		e = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "utf-16be":
		e = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "gb18030", "gbk", "gb2312":
		e = simplifiedchinese.GB18030
	case "latin1", "iso-8859-1", "windows-1252":
		e = charmap.Windows1252
	default:
		return nil, fmt.Errorf("encoding %q is not known: use utf-8, utf-16le, utf-16be, gb18030 or latin1", name)
	}
	return transform.NewReader(r, e.NewDecoder()), nil
}

// HeadUTF8 makes as much of head UTF-8 as is whole.
func HeadUTF8(head []byte, name string) []byte {
	r, err := UTF8(bytes.NewReader(head), name)
	if err != nil {
		return head
	}
	b, _ := io.ReadAll(r)
	return bytes.TrimPrefix(b, []byte("\ufeff"))
}
