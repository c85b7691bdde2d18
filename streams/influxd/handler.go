package influxd

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// ServeHTTP answers /api/v2/write, /api/v2/delete, /query, /ping, /health and /ready.
func (db *DB) ServeHTTP(w http.ResponseWriter, r *http.Request) { db.routes.ServeHTTP(w, r) }

func (db *DB) newRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/write", db.requires(db.opt.Token, "", db.write))
	mux.HandleFunc("POST /api/v2/delete", db.requires(db.opt.Token, "", db.delete))
	query := db.requires(db.opt.Token, db.opt.ReadToken, db.query)
	mux.HandleFunc("GET /query", query)
	mux.HandleFunc("POST /query", query)
	mux.HandleFunc("/ping", db.ping)
	mux.HandleFunc("GET /health", db.health)
	mux.HandleFunc("GET /ready", db.ready)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, fmt.Sprintf("%s %s is not served by the embedded database", r.Method, r.URL.Path))
	})
	return mux
}

// requires lets a request pass that bears one of two tokens; "" lets none pass.
func (db *DB) requires(token, other string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Influxdb-Version", Version)
		r.Body = http.MaxBytesReader(w, r.Body, db.opt.MaxBodyBytes)
		given := bearer(r)
		if !same(given, token) && !same(given, other) {
			fail(w, http.StatusUnauthorized, "unauthorized access")
			return
		}
		next(w, r)
	}
}

// bearer is the token of a request, "" where it has none. InfluxDB 2 clients send
// "Token x", others "Bearer x"; what was written for InfluxDB 1, as Grafana's InfluxQL
// data source, sends it as the password of any user, by Basic or as p=.
func bearer(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		switch strings.ToLower(scheme) {
		case "token", "bearer":
			return token
		}
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	if r.URL.Path == "/query" {
		return r.FormValue("p")
	}
	return ""
}

// same compares in constant time; hashing hides the length too.
func same(given, want string) bool {
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(want))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && want != ""
}

// fail answers with an error in the form of the InfluxDB 2 interface, which its
// clients show to people. The header is for clients of InfluxDB 1.
func fail(w http.ResponseWriter, status int, message string) {
	codes := map[int]string{
		http.StatusBadRequest:            "invalid",
		http.StatusUnauthorized:          "unauthorized",
		http.StatusNotFound:              "not found",
		http.StatusRequestEntityTooLarge: "request too large",
		http.StatusUnprocessableEntity:   "unprocessable entity",
		http.StatusServiceUnavailable:    "unavailable",
		http.StatusInternalServerError:   "internal error",
	}
	first, _, _ := strings.Cut(message, "\n")
	w.Header().Set("X-Influxdb-Error", first)
	answer(w, status, map[string]string{"code": codes[status], "message": message})
}

// answer sends v as JSON. An error of the connection has nobody left to be told to.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (db *DB) ping(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Influxdb-Version", Version)
	w.Header().Set("X-Influxdb-Build", "OSS")
	w.WriteHeader(http.StatusNoContent)
}

func (db *DB) health(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"name": "influxdb", "message": "ready for queries and writes", "status": "pass",
		"checks": []string{}, "version": Version, "commit": "embedded",
	})
}

func (db *DB) ready(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]string{
		"status": "ready", "started": db.opened.UTC().Format(time.RFC3339Nano),
		"up": time.Since(db.opened).Round(time.Second).String(),
	})
}
