package console

import (
	"net/http"

	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
)

// casePage is one case with its trail and what can be done about it.
type casePage struct {
	ID      string           `json:"id"`
	Version int              `json:"version"`
	Case    casework.Case    `json:"case"`
	Trail   []casework.Entry `json:"trail"`
	Next    []nextState      `json:"next"` // states that the person may move it to
	Row     caseRow          `json:"-"`
	Found   *Finding         `json:"-"`          // what scoring says now
	Known   []string         `json:"known_from"` // applications and commitments of the meter
	People  []person         `json:"-"`
	Confirm bool             `json:"may_propose_to_confirm"`
	Cut     bool             `json:"may_propose_to_disconnect"`
	Decide  bool             `json:"may_decide"`
	Report  bool             `json:"may_report"`
	Reasons []string         `json:"-"` // for confirming
}

// nextState is where a case may go, with the reason codes that it wants.
type nextState struct {
	State   string   `json:"state"`
	Reasons []string `json:"reasons"`
}

func caseView(c *call) (any, error) {
	one, version, err := c.desk().Case(c.ctx, c.path("id"))
	if err != nil {
		return nil, err
	}
	p := casePage{ID: c.path("id"), Version: version, Case: one, Next: []nextState{}, Reasons: casework.Confirmed.Reasons()}
	p.Row = c.caseRow(casework.Versioned[casework.Case]{ID: p.ID, Version: version, Value: one})
	if p.Trail, err = c.Store.Trail(c.ctx, casework.KindCase, p.ID); err != nil {
		return nil, err
	}
	if p.People, err = c.workers(); err != nil {
		return nil, err
	}
	if f, err := c.find(one.Meter); err == nil {
		p.Found = &f
	}
	known, err := c.knownOf()
	if err != nil {
		return nil, err
	}
	p.Known = append([]string{}, known[one.Meter]...)
	p.allow(c.who)
	return p, nil
}

// allow says what this person may do, so that pages offer nothing else.
func (p *casePage) allow(who access.Actor) {
	one := p.Case
	inspects := who.Need(access.Inspector) == nil
	mover := access.Operator
	if one.State == casework.Ordered {
		mover = access.Inspector
	}
	if one.Pending == nil && who.Need(mover) == nil {
		for _, s := range one.State.Next() {
			if s != casework.Confirmed {
				p.Next = append(p.Next, nextState{string(s), append([]string{}, s.Reasons()...)})
			}
		}
	}
	p.Confirm = one.State == casework.Ordered && one.Pending == nil && inspects
	p.Cut = one.State == casework.Confirmed && one.Pending == nil && one.Disconnect == nil && inspects
	p.Report = who.Need(access.Supervisor) == nil && one.Reported == nil && one.State != casework.Suspected && one.State != casework.DeskReview && one.State != casework.Cleared
	p.Decide = one.Pending != nil && (who.Need(access.Supervisor) == nil || one.Pending.By == who.Name)
}

var versionField = field{Name: "version", Type: "int", Needed: true, Doc: "of the case as it was seen; 0 for whatever is there"}

// changeCase is an act on one case.
func changeCase(action, say string, do func(*call, *casework.Case) error) func(*call) (done, error) {
	return func(c *call) (done, error) {
		id := c.path("id")
		err := c.desk().Change(c.ctx, id, c.int("version"), action, c.text("note"), func(one *casework.Case) error { return do(c, one) })
		return done{To: "/cases/" + id, Say: say}, err
	}
}

var noteField = field{Name: "note", Doc: "for the trail"}

var caseActs = []act{
	{
		Path: "/cases", Name: "openCase", Role: access.Operator, Doc: "Open a case of a meter",
		Fields: []field{{Name: "meter", Needed: true, Doc: "service point"}, {Name: "title", Doc: "what it is about"}}, do: openCase,
	},
	{
		Path: "/cases/{id}/move", Name: "moveCase", Role: access.Operator, Doc: "Bring a case to another state",
		Fields: []field{versionField, {Name: "to", Needed: true, Words: caseStates, Doc: "state"}, {Name: "reason", Doc: "code, where the state wants one"}, noteField},
		do: changeCase("case.move", "case.moved", func(c *call, one *casework.Case) error {
			return one.Move(casework.State(c.text("to")), c.text("reason"), c.who, c.now)
		}),
	},
	{
		Path: "/cases/{id}/assign", Name: "assignCase", Role: access.Operator, Doc: "Give a case to somebody",
		Fields: []field{versionField, {Name: "to", Doc: "a user; empty: nobody"}, {Name: "due", Type: "date", Doc: "day by which"}},
		do: changeCase("case.assign", "case.assigned", func(c *call, one *casework.Case) error {
			if err := c.desk().CanWork(c.ctx, c.text("to")); err != nil {
				return err
			}
			return one.Assign(c.text("to"), c.text("due"), c.who)
		}),
	},
	{
		Path: "/cases/{id}/comment", Name: "commentCase", Role: access.Operator, Doc: "Say something about a case",
		Fields: []field{versionField, {Name: "text", Needed: true, Doc: "what"}},
		do: changeCase("case.comment", "case.commented", func(c *call, one *casework.Case) error {
			return one.Say(c.text("text"), c.who, c.now)
		}),
	},
	{
		Path: "/cases/{id}/tick", Name: "tickTask", Role: access.Operator, Doc: "Mark a task of the checklist",
		Fields: []field{versionField, {Name: "task", Type: "int", Needed: true, Doc: "from 0"}, {Name: "done", Type: "bool", Doc: "true or false"}},
		do: changeCase("case.tick", "", func(c *call, one *casework.Case) error {
			return one.Tick(c.int("task"), c.bool("done"), c.who, c.now)
		}),
	},
	{
		Path: "/cases/{id}/propose", Name: "proposeCase", Role: access.Inspector, Doc: "Propose to confirm a case or to disconnect its meter; another person decides",
		Fields: []field{versionField, {Name: "what", Needed: true, Words: []string{casework.ProposeConfirm, casework.ProposeDisconnect}, Doc: "what"}, {Name: "reason", Doc: "code"}, noteField},
		do: changeCase("case.propose", "case.proposed", func(c *call, one *casework.Case) error {
			return one.Propose(c.text("what"), c.text("reason"), c.text("note"), c.who, c.now)
		}),
	},
	{
		Path: "/cases/{id}/decide", Name: "decideCase", Role: access.Inspector, Doc: "Agree to what another proposed, or refuse it",
		Fields: []field{versionField, {Name: "agree", Needed: true, Words: []string{"yes", "no"}, Doc: "yes or no"}, noteField},
		do: changeCase("case.decide", "case.decided", func(c *call, one *casework.Case) error {
			return one.Decide(c.text("agree") == "yes", c.who, c.now)
		}),
	},
	{
		Path: "/cases/{id}/report", Name: "reportCase", Role: access.Supervisor, Doc: "Note that a case was reported to an authority",
		Fields: []field{versionField, {Name: "to", Needed: true, Doc: "the authority"}, {Name: "reference", Doc: "number of the letter"}},
		do: changeCase("case.report", "case.was_reported", func(c *call, one *casework.Case) error {
			return one.Report(c.text("to"), c.text("reference"), c.who, c.now)
		}),
	},
	{
		Path: "/cases/{id}/attach", Name: "attachFile", Role: access.Operator, Doc: "Add a file to a case",
		Fields: []field{versionField, {Name: "file", Type: "file", Needed: true, Doc: "at most 20 MiB"}},
		do: func(c *call) (done, error) {
			id := c.path("id")
			return done{To: "/cases/" + id, Say: "case.attached"}, c.desk().Attach(c.ctx, id, c.int("version"), c.file.name, c.file.body)
		},
	},
}

func openCase(c *call) (done, error) {
	f, err := c.find(c.text("meter"))
	if err != nil {
		return done{}, err
	}
	one, err := casework.NewCase(string(f.Meter.ID), f.Area, c.text("title"), caseFinding(f), c.now)
	if err != nil {
		return done{}, err
	}
	id, err := c.desk().Open(c.ctx, one, nil)
	return done{To: "/cases/" + id, Say: "case.opened", Args: []any{id}, Body: map[string]any{"id": id}}, err
}

// file sends an attachment, always to be saved and never to be shown in the console.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	one, _, err := c.desk().Case(c.ctx, c.path("id"))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	for _, a := range one.Attachments {
		if a.SHA256 != c.path("sum") {
			continue
		}
		file, err := s.Store.Get(c.ctx, casework.KindFile, a.SHA256, 0)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", attachment(a.Name))
		_, _ = w.Write(file.Body) // the reader has gone if this fails
		return
	}
	http.NotFound(w, r)
}
