package file

import "strconv"

// formatFloat appends the shortest decimal that reads back as v; nothing for NaN.
func formatFloat(dst []byte, v float64) []byte {
	if v != v {
		return dst
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}
