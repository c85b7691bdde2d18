package sgcc

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/flatwatt/flatwatt/streams/formats/format"
)

// Columns of a table beside the points.
const (
	colMeter = iota
	colDate
	colType
	colFlag
	colWhole
	columns
)

// names lists the names of columns, the best first.
var names = [columns][]string{
	{"MP_ID", "ID", "METER_ID", "MPED_ID", "CONS_NO", "测量点标识", "测量点编号", "计量点编号", "电能表标识", "电能表资产号", "用户编号", "户号"},
	{"DATA_DATE", "DATE", "数据日期", "日期"}, {"DATA_TYPE", "PHASE_FLAG", "数据类型", "相别", "相位标志"},
	{"DATA_POINT_FLAG", "POINT_FLAG", "数据点数标志", "数据点标志"}, {"DATA_WHOLE_FLAG", "WHOLE_FLAG", "数据完整标志", "数据完整性标志"},
}

// A table says where the columns of a curve table are.
type table struct {
	sep                         byte
	col                         [columns]int
	first, count, width, needed int
	kind                        byte // 'P', 'R', 'U', 'I' or 'C': which curve it holds
	meterName                   string
}

func newTable(header []byte, m *format.Mapping, name string) *table {
	t := &table{sep: ',', first: -1, meterName: m.Meter}
	if m.Separator != "" {
		t.sep = m.Separator[0]
	} else {
		for _, c := range []byte("\t|;\x01") {
			if bytes.IndexByte(header, c) >= 0 && bytes.IndexByte(header, ',') < 0 {
				t.sep = c
				break
			}
		}
	}
	fields, _ := format.SplitFields(nil, append([]byte(nil), header...), t.sep)
	t.width = len(fields)
	upper := make([]string, len(fields))
	for i, f := range fields {
		f, _ = format.Repair(f)
		upper[i] = strings.ToUpper(string(f))
	}
	for c := range t.col {
		t.col[c] = -1
		wanted := names[c]
		if c == colMeter && m.Meter != "" {
			wanted = []string{strings.ToUpper(m.Meter)}
		}
		for _, w := range wanted {
			for i, u := range upper {
				if u == w && t.col[c] < 0 {
					t.col[c] = i
				}
			}
		}
	}
	t.points(upper)
	for table, kind := range map[string]byte{"READ_CURVE": 'R', "VOL_CURVE": 'U', "CUR_CURVE": 'I', "FACTOR_CURVE": 'C'} {
		if t.kind == 'P' && strings.Contains(strings.ToUpper(name), table) {
			t.kind = kind
		}
	}
	t.needed = max(t.col[colMeter], t.col[colDate], t.first) + 1
	return t
}

// points finds the run of columns P1, P2 … (or R, U, I, C, F).
func (t *table) points(upper []string) {
	for _, prefix := range []string{"P", "R", "U", "I", "C", "F"} {
		for i, u := range upper {
			if u != prefix+"1" {
				continue
			}
			n := 1
			for i+n < len(upper) && upper[i+n] == fmt.Sprintf("%s%d", prefix, n+1) {
				n++
			}
			if n > t.count {
				t.first, t.count, t.kind = i, n, prefix[0]
			}
		}
	}
	if t.kind == 'F' {
		t.kind = 'C'
	}
}

// fault says why a table cannot be read; empty where it can.
func (t *table) fault() string {
	switch {
	case t.col[colMeter] < 0 && t.meterName != "":
		return fmt.Sprintf("there is no column %.60q for the meter: correct the mapping", t.meterName)
	case t.col[colMeter] < 0:
		return "there is no column ID or MP_ID: name the meter's column in the mapping"
	case t.col[colDate] < 0:
		return "there is no column DATA_DATE: a curve table has one"
	case t.count != 24 && t.count != 48 && t.count != 96 && t.count != 288:
		return fmt.Sprintf("there are %d consecutive columns P1, P2 … where a curve table has 24, 48, 96 or 288", t.count)
	}
	return ""
}

func (t *table) get(fields [][]byte, col int) []byte {
	if i := t.col[col]; i >= 0 && i < len(fields) {
		return fields[i]
	}
	return nil
}
