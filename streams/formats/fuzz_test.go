package formats_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"maps"
	"slices"
	"testing"

	"github.com/flatwatt/flatwatt/streams/formats/formattest"
)

// FuzzOpen finds out what any bytes are: wrapping, encoding and format.
func FuzzOpen(f *testing.F) {
	var samples []formattest.Sample
	for _, s := range []string{"meter_id,start,energy_kwh\n7,2026-01-15 00:00,1\n7,2026-01-15 00:30,1\n", "100,NEM12,202601010000,MDP,RET\n900\n", "\xff\xfem\x00e\x00", "ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG,DATA_WHOLE_FLAG" + formattest.Columns("P", 24) + "\n", espiHead} {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(s))
		_ = z.Close()
		samples = append(samples, formattest.Sample{Data: s}, formattest.Sample{Data: b.String()}, formattest.Sample{Data: string(zipped(f, map[string]string{"a.csv": s, "b.txt": "x"}))})
	}
	formattest.Fuzz(f, "", samples...)
}

func zipped(tb testing.TB, files map[string]string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
