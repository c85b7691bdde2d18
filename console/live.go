package console

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/flatwatt/flatwatt"
)

// liveEvery is between two looks for something new; heartbeat between two signs of life.
const (
	liveEvery = time.Second
	heartbeat = 15 * time.Second
	liveLife  = 10 * time.Minute // of one stream; the browser then begins another
)

// stamp changes whenever anything changes that people work on or that scoring says.
func (s *Server) stamp(r *http.Request) (string, error) {
	head, err := s.Store.Head(r.Context())
	status := s.Board.Status()
	return fmt.Sprintf("%d-%d-%v-%t", head.Seq, status.Days, status.Err != "", status.Done), err
}

// events streams stamps as server-sent events: one at once, one after each change, and
// comments between as signs of life. Pages fetch what they show when a stamp comes.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	_ = out.SetWriteDeadline(time.Now().Add(liveLife + heartbeat)) // else the server's own for short answers
	tick, end := time.NewTicker(liveEvery), time.NewTimer(liveLife)
	defer tick.Stop()
	defer end.Stop()
	last, beat := "", time.Now()
	for {
		now, err := s.stamp(r)
		if err != nil {
			return // the browser asks again
		}
		text := ""
		switch {
		case now != last:
			text = fmt.Sprintf("event: stamp\ndata: %s\n\n", now)
		case time.Since(beat) > heartbeat:
			text = ": still here\n\n"
		}
		if text != "" {
			if _, err := w.Write([]byte(text)); err != nil || out.Flush() != nil {
				return
			}
			last, beat = now, time.Now()
		}
		select {
		case <-tick.C:
		case <-end.C:
			return
		case <-r.Context().Done():
			return
		case <-s.closing:
			return
		}
		if _, err := s.actor(r); err != nil {
			return // signed out, or locked out
		}
	}
}

// live answers with the stamp once: for pages whose network lets no stream through.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	now, err := s.stamp(r)
	if err != nil {
		writeProblem(w, http.StatusInternalServerError, "internal", err.Error())
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"stamp": now})
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	status := s.Board.Status()
	code := http.StatusOK
	if status.Err != "" {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, statusOf(status))
}

// suspects answers with suspects only; ?all=1 with every meter, ?limit=N with N at most.
func (s *Server) suspects(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	limit := -1
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			writeProblem(w, http.StatusBadRequest, "invalid", "limit: want a whole number, 0 or more")
			return
		}
		limit = n
	}
	all := r.URL.Query().Get("all") == "1"
	answer := struct {
		Status   statusJSON    `json:"status"`
		Suspects []SuspectJSON `json:"suspects"`
	}{statusOf(s.Board.Status()), []SuspectJSON{}}
	words := c.words()
	for _, f := range s.Board.Findings() {
		if limit >= 0 && len(answer.Suspects) >= limit {
			break
		}
		if (all || f.Score.State == flatwatt.Suspect) && c.who.Sees(f.Area) {
			answer.Suspects = append(answer.Suspects, JSON(words(f)))
		}
	}
	writeJSON(w, http.StatusOK, answer)
}
