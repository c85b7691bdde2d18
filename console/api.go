package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// A problem is what programs get instead of an answer.
type problem struct {
	Code  string `json:"code"`  // unauthorized, forbidden, not_found, conflict, invalid or internal
	Error string `json:"error"` // what is wrong and what would put it right
}

func writeProblem(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, problem{code, text})
}

// apiView serves a view to programs.
func (s *Server) apiView(v view) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.newCall(r)
		data, err := s.look(c, v)
		if err != nil {
			status, code := classify(err)
			writeProblem(w, status, code, err.Error())
			return
		}
		writeJSON(w, http.StatusOK, data)
	})
}

// apiAct does an act for a program.
func (s *Server) apiAct(a act) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := s.newCall(r)
		what, err := s.run(c, w, a)
		if err != nil {
			status, code := classify(err)
			writeProblem(w, status, code, err.Error())
			return
		}
		answer := map[string]any{"done": true}
		if what.To != "" {
			answer["see"] = apiPath(what.To)
		}
		for k, v := range what.Body {
			answer[k] = v
		}
		writeJSON(w, http.StatusOK, answer)
	})
}

// classify is the HTTP status of an error and its name.
func classify(err error) (status int, code string) {
	var (
		forbidden access.ErrForbidden
		conflict  casework.ConflictError
		f         fault
		database  interface{ Code() int } // of the SQL driver
	)
	switch {
	case errors.As(err, &forbidden):
		return http.StatusForbidden, "forbidden"
	case errors.As(err, &conflict):
		return http.StatusConflict, "conflict"
	case errors.Is(err, casework.ErrNotFound):
		return http.StatusNotFound, "not_found"
	case errors.As(err, &f):
		return f.status, "invalid"
	case errors.As(err, &database), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusInternalServerError, "internal"
	}
	return http.StatusUnprocessableEntity, "invalid" // a rule of casework said no
}

// explain puts an error into the person's language, as far as it is one of ours.
func (c *call) explain(err error) string {
	var (
		forbidden access.ErrForbidden
		conflict  casework.ConflictError
	)
	switch status, _ := classify(err); {
	case errors.As(err, &conflict) && conflict.Now > 0:
		return c.t("error.conflict", conflict.ID, conflict.By)
	case errors.As(err, &conflict):
		return c.t("error.gone", conflict.ID)
	case errors.As(err, &forbidden):
		return c.t("error.forbidden", c.sentence(err.Error()))
	case status == http.StatusNotFound:
		return c.t("error.not_found")
	case status == http.StatusInternalServerError:
		return c.t("error.internal", err.Error())
	}
	return c.t("error.invalid", c.sentence(err.Error()))
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		http.Error(w, "encode: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // the reader has gone if this fails
}
