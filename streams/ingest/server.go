package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt"
)

// An Open finds the format of an input and opens it as a source. Format is as its sender
// named it ("" where he did not), name that of the file, or empty. It returns the name of
// the format that it opened, or ErrFormat.
type Open func(format, name string, r io.Reader) (src flatwatt.Source, opened string, err error)

// ErrFormat says that the format of an input is not known.
var ErrFormat = errors.New("unknown format")

// Limits bound what a push server takes. Zero fields take the defaults.
type Limits struct {
	BodyBytes     int64         // of a body as sent; 0: 64 MiB
	UnpackedBytes int64         // of a body unpacked; 0: 1 GiB
	InFlight      int           // pushes at once; 0: 8
	BytesPerS     float64       // of one client, on average; 0: 16 MiB/s
	Idle          time.Duration // between two pieces of a body; 0: 15 s
	Whole         time.Duration // for one push; 0: 10 minutes
}

func (l *Limits) complete() {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.BodyBytes, 64<<20)
	def(&l.UnpackedBytes, 1<<30)
	if l.InFlight == 0 {
		l.InFlight = 8
	}
	if l.BytesPerS == 0 {
		l.BytesPerS = 16 << 20
	}
	if l.Idle == 0 {
		l.Idle = 15 * time.Second
	}
	if l.Whole == 0 {
		l.Whole = 10 * time.Minute
	}
}

// Push is the HTTP server's handler: POST /api/v1/readings, POST /api/v1/evidence where
// TakeEvidence was called, GET /healthz.
type Push struct {
	intake *Intake
	open   Open
	tokens Tokens
	limits Limits
	rate   *rate
	slots  chan struct{}
	note   func(format string, args ...any)

	evidence CheckEvidence // nil: outside evidence is not taken
}

// NewPush returns a handler. note, if not nil, is told in one line what each push brought.
func NewPush(in *Intake, open Open, tokens Tokens, limits Limits, note func(format string, args ...any)) *Push {
	limits.complete()
	now := time.Now
	if in.Now != nil {
		now = in.Now
	}
	if note == nil {
		note = func(string, ...any) {}
	}
	return &Push{
		intake: in, open: open, tokens: tokens, limits: limits, note: note,
		rate:  newRate(limits.BytesPerS, max(2*limits.BytesPerS, float64(limits.BodyBytes)), now),
		slots: make(chan struct{}, limits.InFlight),
	}
}

// ReadingsPath is where readings are pushed to.
const ReadingsPath = "/api/v1/readings"

// ServeHTTP implements http.Handler.
func (p *Push) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/healthz" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		p.health(w, r)
	case r.URL.Path == EvidencePath && p.evidence != nil && r.Method == http.MethodPost:
		p.pushEvidence(w, r)
	case r.URL.Path != ReadingsPath:
		refuse(w, http.StatusNotFound, "there is nothing here; readings go to "+ReadingsPath)
	case r.Method != http.MethodPost && r.Method != http.MethodPut:
		w.Header().Set("Allow", "POST")
		refuse(w, http.StatusMethodNotAllowed, "readings are sent with POST")
	default:
		p.push(w, r)
	}
}

// health answers 200 where JetStream does.
func (p *Push) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if _, err := p.intake.JetStream.AccountInfo(ctx); err != nil {
		refuse(w, http.StatusServiceUnavailable, "JetStream does not answer: "+err.Error())
		return
	}
	write(w, http.StatusOK, map[string]bool{"ok": true})
}

// push takes one body. Who it is and whether there is room is settled before a byte of it
// is read.
func (p *Push) push(w http.ResponseWriter, r *http.Request) {
	client, ok := p.tokens.client(r.Header.Get("Authorization"))
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer realm="flatwatt"`)
		refuse(w, http.StatusUnauthorized, "send the header Authorization: Bearer TOKEN with a token that is valid here")
		return
	}
	if r.ContentLength > p.limits.BodyBytes {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has %d bytes, the limit is %d: send it in parts", r.ContentLength, p.limits.BodyBytes))
		return
	}
	if wait := p.rate.wait(client); wait > 0 {
		later(w, http.StatusTooManyRequests, wait, fmt.Sprintf("more than %.0f bytes a second on average: send the rest later", p.limits.BytesPerS))
		return
	}
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	default:
		later(w, http.StatusServiceUnavailable, time.Second, fmt.Sprintf("%d pushes are being taken at this moment: try again", p.limits.InFlight))
		return
	}
	// A sender who has gone is met by the body's own error; what he sent whole is stored.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), p.limits.Whole)
	defer cancel()
	a := p.take(ctx, w, r, client)
	p.note("push of %s: %d accepted, %d rejected %s", client, a.Accepted, a.Rejected, a.Error)
	write(w, a.status, a)
}

// take reads the body into JetStream.
func (p *Push) take(ctx context.Context, w http.ResponseWriter, r *http.Request, client string) answer {
	body := &watched{
		r: http.MaxBytesReader(w, r.Body, p.limits.BodyBytes), control: http.NewResponseController(w),
		idle: p.limits.Idle, end: time.Now().Add(p.limits.Whole), spend: func(n int) { p.rate.spend(client, n) },
	}
	unpacked, done, err := unpack(body, strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))), p.limits.UnpackedBytes)
	defer done()
	if err != nil {
		return answerOf(Result{}, "", &SourceError{err})
	}
	name := r.URL.Query().Get("name")
	if name == "" {
		name = "body"
	}
	src, format, err := p.open(askedFormat(r), plain(name), &wholeLines{r: unpacked})
	if err != nil {
		return answerOf(Result{}, format, &SourceError{err})
	}
	res, err := p.intake.Take(ctx, src)
	return answerOf(res, format, err)
}

// contentTypes are the media types that name a format. Others, such as
// application/octet-stream and curl's own, say nothing: the body is looked at.
var contentTypes = map[string]string{
	"application/x-ndjson": "ndjson", "application/ndjson": "ndjson", "application/jsonl": "ndjson", "application/json": "ndjson",
	"text/csv": "csv", "application/vnd.apache.parquet": "parquet", "application/x-parquet": "parquet",
	"application/vnd.influx.line-protocol": "lineprotocol", "application/vnd.flatwatt.batch": "batch",
}

// askedFormat is what ?format= or the Content-Type names.
func askedFormat(r *http.Request) string {
	if f := r.URL.Query().Get("format"); f != "" {
		return f
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return contentTypes[media]
}

// plain makes a sender's name for a body fit for a line of text.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '_'
		}
		return r
	}, name)
	return name[:min(len(name), 128)]
}

// watched reads a body and cuts off a sender that stops sending. The deadline moves with
// every read, but never past the end.
type watched struct {
	r       io.Reader
	control *http.ResponseController
	idle    time.Duration
	end     time.Time
	spend   func(int)
}

func (b *watched) Read(p []byte) (int, error) {
	deadline := time.Now().Add(b.idle)
	if deadline.After(b.end) {
		deadline = b.end
	}
	if err := b.control.SetReadDeadline(deadline); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := b.r.Read(p)
	b.spend(n)
	return n, err
}

// headerTimeout bounds the head of a request, maxHeaderBytes its size.
const (
	headerTimeout  = 5 * time.Second
	keepAlive      = time.Minute
	maxHeaderBytes = 16 << 10
)

// Server is an HTTP server with the bounds that handler needs: a body that nobody may send,
// or that stops, does not hold its connection.
func Server(handler http.Handler, limits Limits) *http.Server {
	limits.complete()
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: min(headerTimeout, limits.Idle), MaxHeaderBytes: maxHeaderBytes, IdleTimeout: keepAlive,
		ReadTimeout:  limits.Idle, // Push moves it on while a body comes
		WriteTimeout: limits.Whole + limits.Idle,
	}
}
