package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/streams/jetstream"
	"github.com/flatwatt/flatwatt/streams/wire"
)

// EvidencePath is where outside evidence is pushed to, as JSON (package wire).
const EvidencePath = "/api/v1/evidence"

// A CheckEvidence says what is wrong with a piece of outside evidence before it is stored,
// as that it names no meter of the register. Both are empty where nothing is.
type CheckEvidence func(flatwatt.Outside) (field, reason string)

// TakeEvidence has p take outside evidence too. Call it before p serves.
func (p *Push) TakeEvidence(check CheckEvidence) { p.evidence = check }

// pushEvidence takes one body of outside evidence. Who entered it is the client whose token
// it carries, beside whom the body names. It answers once the stream has all that is good.
func (p *Push) pushEvidence(w http.ResponseWriter, r *http.Request) {
	client, ok := p.tokens.client(r.Header.Get("Authorization"))
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="flatwatt"`)
		refuse(w, http.StatusUnauthorized, "send the header Authorization: Bearer TOKEN with a token that is valid here")
		return
	}
	if wait := p.rate.wait(client); wait > 0 {
		later(w, http.StatusTooManyRequests, wait, "more than this client may send: send the rest later")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxOutsideBytes))
	p.rate.spend(client, len(body))
	if err != nil {
		a := answerOf(Result{}, "json", &SourceError{err})
		write(w, a.status, a)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), p.limits.Whole)
	defer cancel()
	a := p.storeEvidence(ctx, body, client)
	p.note("evidence of %s: %d accepted, %d rejected %s", client, a.Accepted, a.Rejected, a.Error)
	write(w, a.status, a)
}

// storeEvidence stores what is good in body and says what is not.
func (p *Push) storeEvidence(ctx context.Context, body []byte, client string) answer {
	list, wrong := wire.ParseOutside(body)
	var res Result
	for i, o := range list {
		o.Entered = time.Time{} // now, whatever the sender says
		o.By = strings.TrimSpace(o.By + " (" + client + ")")
		done := o
		field, reason := done.Complete()
		if field == "" {
			field, reason = p.evidence(done)
		}
		if field != "" {
			raw, _ := wire.AppendOutside(nil, o) // what was parsed can be written
			res.Rejected++
			res.Rejects = append(res.Rejects, flatwatt.Rejected{Where: fmt.Sprintf("body row %d", i+1), Field: field, Reason: reason, Raw: raw})
			continue
		}
		if err := jetstream.PublishEvidence(ctx, p.intake.JetStream, o); err != nil {
			return answerOf(res, "json", err)
		}
		res.Accepted++
	}
	if len(list) == 0 && wrong == nil {
		wrong = errors.New("the body is empty: send JSON")
	}
	if wrong != nil {
		return answerOf(res, "json", &SourceError{wrong})
	}
	return answerOf(res, "json", nil)
}
