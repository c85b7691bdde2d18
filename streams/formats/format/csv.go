package format

import "bytes"

// SplitFields cuts a line at sep into dst. A field in double quotes may hold sep, and a
// doubled quote stands for one; spaces are kept. ok is false where a quoted field has
// no end. The fields point into line, which is changed where quotes were doubled.
func SplitFields(dst [][]byte, line []byte, sep byte) (fields [][]byte, ok bool) {
	if bytes.IndexByte(line, '"') < 0 {
		for {
			i := bytes.IndexByte(line, sep)
			if i < 0 {
				return append(dst, line), true
			}
			dst, line = append(dst, line[:i]), line[i+1:]
		}
	}
	for {
		var field []byte
		if len(line) > 0 && line[0] == '"' {
			if field, line, ok = quoted(line, sep); !ok {
				return dst, false
			}
			dst = append(dst, field)
			if line == nil {
				return dst, true
			}
			continue
		}
		i := bytes.IndexByte(line, sep)
		if i < 0 {
			return append(dst, line), true
		}
		dst, line = append(dst, line[:i]), line[i+1:]
	}
}

// quoted reads the field that begins with the quote line[0]; rest is nil at the end.
func quoted(line []byte, sep byte) (field, rest []byte, ok bool) {
	out := 1
	for i := 1; i < len(line); i++ {
		if line[i] != '"' {
			line[out] = line[i]
			out++
			continue
		}
		if i+1 < len(line) && line[i+1] == '"' {
			line[out] = '"'
			out++
			i++
			continue
		}
		switch after := bytes.TrimLeft(line[i+1:], " "); {
		case len(after) == 0:
			return line[1:out], nil, true
		case after[0] == sep:
			return line[1:out], after[1:], true
		}
		return nil, nil, false
	}
	return nil, nil, false
}
