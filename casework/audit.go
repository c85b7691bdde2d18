package casework

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Entry is one link of the audit trail. Its Hash covers every other field and so, by
// Prev, everything before it.
type Entry struct {
	Seq     int       `json:"seq"` // from 1, without gaps
	At      time.Time `json:"at"`  // UTC
	Actor   string    `json:"actor"`
	Role    string    `json:"role"`
	Action  string    `json:"action"`
	Kind    string    `json:"kind"`
	ID      string    `json:"id"`
	Version int       `json:"version"` // that was written; 0: nothing was
	Body    string    `json:"body_sha256"`
	Note    string    `json:"note,omitempty"`
	Prev    string    `json:"prev"` // Hash of Seq−1; "" at Seq 1
	Hash    string    `json:"hash"` // SHA-256, hexadecimal
}

// hash is the SHA-256 of the entry's fields, each with its length before it, so that no
// two entries can be written the same way.
func (e Entry) hash() string {
	h := sha256.New()
	for _, field := range []string{
		strconv.Itoa(e.Seq), e.At.UTC().Format(time.RFC3339Nano), e.Actor, e.Role, e.Action,
		e.Kind, e.ID, strconv.Itoa(e.Version), e.Body, e.Note, e.Prev,
	} {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(field)))
		h.Write(n[:])
		h.Write([]byte(field))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sum(body []byte) string {
	s := sha256.Sum256(body)
	return hex.EncodeToString(s[:])
}

// A Head names the end of a trail: its length and last hash. Noted outside the database
// it shows later that nothing was cut off or written anew.
type Head struct {
	Seq  int    `json:"seq"`
	Hash string `json:"hash"`
}

func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Seq, h.Hash) }

// ParseHead reads what Head.String wrote.
func ParseHead(text string) (Head, error) {
	seq, hash, ok := strings.Cut(text, ":")
	n, err := strconv.Atoi(seq)
	if !ok || err != nil || n < 1 || len(hash) != 64 {
		return Head{}, fmt.Errorf("head %q: want NUMBER:HASH as `flatwatt audit verify` prints it", text)
	}
	return Head{n, hash}, nil
}

// A TamperError says where a trail or a record is not what was written.
type TamperError struct {
	Seq  int // of the first entry at fault; 0 where none is
	What string
}

func (e TamperError) Error() string {
	if e.Seq == 0 {
		return "audit trail: " + e.What
	}
	return fmt.Sprintf("audit trail: entry %d: %s", e.Seq, e.What)
}

// checkChain follows the links of a whole trail. known is a head noted earlier; zero: none.
func checkChain(trail []Entry, known Head) (Head, error) {
	prev := ""
	for i, e := range trail {
		switch {
		case e.Seq != i+1:
			return Head{}, TamperError{e.Seq, fmt.Sprintf("number %d was expected: entries are missing", i+1)}
		case e.Prev != prev:
			return Head{}, TamperError{e.Seq, "does not follow on the entry before it"}
		case e.hash() != e.Hash:
			return Head{}, TamperError{e.Seq, "was changed after it was written"}
		case e.Seq == known.Seq && e.Hash != known.Hash:
			return Head{}, TamperError{e.Seq, "is not the one noted earlier: the trail was written anew"}
		}
		prev = e.Hash
	}
	if len(trail) < known.Seq {
		return Head{}, TamperError{0, fmt.Sprintf("ends at %d, but %d was noted earlier: its end was cut off", len(trail), known.Seq)}
	}
	return Head{len(trail), prev}, nil
}
