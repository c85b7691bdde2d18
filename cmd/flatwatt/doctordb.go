package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nuid"

	"github.com/flatwatt/flatwatt/streams/influx"
)

const (
	probeMeasurement = "flatwatt_doctor"
	maxAnswerBytes   = 64 << 10
)

// A dbProbe talks to a database as the service, Grafana and an operator do.
type dbProbe struct {
	base, token, org, bucket string
}

// probeDatabase writes a point under a name of its own, reads it and deletes it.
func (d *doctor) probeDatabase(ctx context.Context) {
	s := d.settings.Influx
	db := dbProbe{base: s.URL, token: string(s.Token), org: s.Org, bucket: s.Bucket}
	if s.URL == "" {
		db.base = "http://" + s.Listen
		if kept, err := os.ReadFile(filepath.Join(d.settings.DataDir, "influx-token")); db.token == "" && err == nil {
			db.token = strings.TrimSpace(string(kept))
		}
		if db.token == "" {
			d.found("database", skipped, "start `flatwatt run` to have it probed", "the embedded database was never started in %s", d.settings.DataDir)
			return
		}
	}
	client, err := influx.Open(influx.Config{URL: db.base, Token: db.token, Org: s.Org, Bucket: s.Bucket})
	if err != nil {
		d.found("database", broken, "check the settings under influx", "%v", err)
		return
	}
	defer client.Close()
	ctxCheck, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	version, err := client.Check(ctxCheck)
	switch {
	case err != nil && s.URL == "":
		d.found("database", skipped, "start `flatwatt run` to have it probed", "the embedded database is not running at %s", s.Listen)
		return
	case err != nil:
		d.found("database", broken, "check influx.url and that the server runs", "%v", err)
		return
	}
	d.found("database", fine, "", "%s, version %s", redact(db.base), version)
	name := nuid.Next()
	if !d.try(ctx, "database write", "give the token the right to write to the bucket, and check influx.org and influx.bucket", func(ctx context.Context) (string, error) { return "", db.write(ctx, name) }) {
		return
	}
	d.try(ctx, "database read", "give the token the right to read the bucket; an InfluxDB 2.x needs a DBRP mapping for it, which `flatwatt run` makes", func(ctx context.Context) (string, error) { return "", db.read(ctx, name) })
	d.try(ctx, "database delete", "give the token the right to delete, or remove measurement "+probeMeasurement+" by hand", func(ctx context.Context) (string, error) { return "", db.remove(ctx) })
}

func (db dbProbe) write(ctx context.Context, name string) error {
	line := fmt.Sprintf("%s,probe=%s value=1 %d\n", probeMeasurement, name, time.Now().Unix())
	_, err := db.call(ctx, http.MethodPost, "/api/v2/write", url.Values{"org": {db.org}, "bucket": {db.bucket}, "precision": {"s"}}, line)
	return err
}

func (db dbProbe) read(ctx context.Context, name string) error {
	body, err := db.call(ctx, http.MethodGet, "/query", url.Values{"db": {db.bucket}, "q": {"SELECT value FROM " + probeMeasurement + " WHERE probe='" + name + "'"}}, "")
	if err == nil && !bytes.Contains(body, []byte(`"value"`)) {
		err = fmt.Errorf("the point that was written is not there: %.300s", body)
	}
	return err
}

func (db dbProbe) remove(ctx context.Context) error {
	now := time.Now().UTC()
	text := fmt.Sprintf(`{"start":%q,"stop":%q,"predicate":"_measurement=\"%s\""}`, now.Add(-time.Hour).Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339), probeMeasurement)
	_, err := db.call(ctx, http.MethodPost, "/api/v2/delete", url.Values{"org": {db.org}, "bucket": {db.bucket}}, text)
	return err
}

func (db dbProbe) call(ctx context.Context, method, path string, q url.Values, body string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(db.base, "/")+path+"?"+q.Encode(), strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Token "+db.token)
	if strings.HasSuffix(path, "delete") {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s answers %s: %.300s", path, res.Status, bytes.TrimSpace(answer))
	}
	return answer, err
}
