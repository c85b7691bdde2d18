package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"
)

type pushAnswer struct {
	Accepted, Rejected int
	Format             string
	Rejects            []struct {
		Where, Reason string
		Line          int
	}
}

// Whatever format a body is in, what the service answers is what is in it: all of it, the
// good part with the lines of the rest, or nothing.
func TestPushOfEveryFormat(t *testing.T) {
	v := newVillage(t)
	v.env[ingestTokenEnv] = pushToken
	v.env["FLATWATT_INGEST_PUSH_LISTEN"] = "127.0.0.1:0"
	v.env["FLATWATT_INGEST_PUSH_MAX_BODY_MB"] = "64"
	service := start(t, v.env, "run")
	url := service.await(`push: (http://\S+)`)
	service.await(`ready: readings`)
	post := func(name, query string, body []byte) (int, pushAnswer) {
		t.Helper()
		code, text := push(t, url+"?name="+name+query, pushToken, string(body))
		var a pushAnswer
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatalf("%s: %d %s", name, code, text)
		}
		return code, a
	}

	for _, form := range []string{"csv", "csv.gz", "parquet", "ndjson", "lineprotocol"} {
		path := filepath.Join(t.TempDir(), "all."+form)
		if code, _, stderr := run(t, nil, "convert", v.dir, "--to", form, "--out", path); code != exitOK {
			t.Fatal(stderr)
		}
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if code, a := post("all."+form, "", body); code != http.StatusOK || a.Accepted != v.readings || a.Rejected != 0 {
			t.Errorf("%s: %d %+v", form, code, a)
		}
	}

	m := v.fleet.Meters()[1]
	points := int(24 * 60 / m.Interval.Minutes())
	nem := fmt.Sprintf("100,NEM12,202601010000,MDP,RET\n200,%s,E1,,E1,N1,M,kWh,%.0f,\n300,20260115%s,A,,,,\n300,20260116%s,A,,,,\n900\n", m.ID, m.Interval.Minutes(), strings.Repeat(",0.5", points), ",x"+strings.Repeat(",0.5", points-1))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(nem)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	if code, a := post("day.csv.gz", "", packed.Bytes()); code != http.StatusMultiStatus || a.Format != "nem12" || a.Accepted != points || a.Rejected != 1 || a.Rejects[0].Where != "day.csv.gz:4" || a.Rejects[0].Line != 4 {
		t.Errorf("NEM12: %d %+v", code, a)
	}
	// As Telegraf sends it: more tags than are asked for.
	line := fmt.Sprintf("reading,meter=%s,host=gw-1,topic=x energy_kwh=0.5,length_s=%.0fi 1768435200000000000\nreading,meter=stranger,host=gw-1 energy_kwh=0.5,length_s=900i 1768435200000000000\n", m.ID, m.Interval.Seconds())
	if code, a := post("telegraf", "&format=lineprotocol", []byte(line)); code != http.StatusMultiStatus || a.Accepted != 1 || a.Rejected != 1 || a.Rejects[0].Line != 2 {
		t.Errorf("Telegraf: %d %+v", code, a)
	}
	curve, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte("用户名称,ID,DATA_DATE,DATA_TYPE,DATA_POINT_FLAG" + strings.ReplaceAll(fmt.Sprint(make([]int, 24)), " ", ",P") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if code, a := post("curve.csv", "&format=sgcc", curve); code != http.StatusUnprocessableEntity || a.Accepted != 0 || a.Rejected != 1 {
		t.Errorf("a curve of no table: %d %+v", code, a)
	}
	service.end()
}
