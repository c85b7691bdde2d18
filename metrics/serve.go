package metrics

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"sync"
)

// Health tells whether the service lives and whether it is ready to be relied upon.
// The zero value lives and is not ready.
type Health struct {
	mu      sync.Mutex
	waiting map[string]string // what is not ready, and why
	begun   bool
}

// Ready notes that name is ready, or, with a reason, that it is not.
func (h *Health) Ready(name, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.begun = true
	if h.waiting == nil {
		h.waiting = map[string]string{}
	}
	if reason == "" {
		delete(h.waiting, name)
	} else {
		h.waiting[name] = reason
	}
}

// readyz answers 200 when something has become ready and nothing waits, else 503 with the
// reasons.
func (h *Health) readyz(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	ready := h.begun && len(h.waiting) == 0
	body, err := json.Marshal(map[string]any{"ready": ready, "waiting": h.waiting})
	h.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = w.Write(append(body, '\n'))
}

// Private is what belongs on an address that only operators reach: /metrics, /healthz,
// /readyz and, under /debug/pprof/, Go's profiles.
func Private(m *Metrics, h *Health) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound) // arguments may name files
	return mux
}
