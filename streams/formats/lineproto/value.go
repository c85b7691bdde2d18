package lineproto

import (
	"errors"
	"math"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

func number(kind lineprotocol.ValueKind, raw []byte) (float64, bool) {
	switch kind {
	case lineprotocol.Float, lineprotocol.Int, lineprotocol.Uint:
		return format.ParseNumber(raw, '.')
	}
	return 0, false
}

// cause is what is wrong without the place in the chunk, which says nothing to a reader.
func cause(err error) error {
	var at *lineprotocol.DecodeError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

func integer(b []byte) (n int64, ok bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	for _, c := range b {
		if c-'0' > 9 || n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if neg {
		n = -n
	}
	return n, len(b) > 0
}
