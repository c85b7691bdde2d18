package console

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // Berlin, also where the machine has no zone database

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/access"
	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
	"github.com/flatwatt/flatwatt/network"
)

var (
	nan   = math.NaN()
	zone  = time.FixedZone("UTC+8", 8*3600)
	start = time.Date(2026, 1, 1, 16, 0, 0, 0, time.UTC) // 2 January, local midnight
	today = time.Date(2026, 2, 2, 3, 0, 0, 0, time.UTC)
)

// odd is a meter whose name wants to be markup.
const odd = `<script>"x"`

// A fixedBoard shows what it was made with.
type fixedBoard struct {
	mu       sync.Mutex // guards status
	status   Status
	findings []Finding
	load     Load
}

func (b *fixedBoard) Status() Status { b.mu.Lock(); defer b.mu.Unlock(); return b.status }

func (b *fixedBoard) set(do func(*Status)) { b.mu.Lock(); do(&b.status); b.mu.Unlock() }

func (b *fixedBoard) Findings() []Finding { return b.findings }

func (b *fixedBoard) Finding(id flatwatt.MeterID) (Finding, bool) {
	i := slices.IndexFunc(b.findings, func(f Finding) bool { return f.Meter.ID == id })
	if i < 0 {
		return Finding{}, false
	}
	return b.findings[i], true
}

func (b *fixedBoard) Load(id flatwatt.MeterID) (Load, bool) {
	return b.load, id != "unheard" && id != "dc"
}

// newBoard has a suspect whose name wants to be markup, another below a transformer with a
// meter, an honest meter, a plant, a data centre and an unknown one.
func newBoard() *fixedBoard {
	load := Load{Start: start, Step: time.Hour}
	for h := range 24 * 30 {
		kw := 0.5 + 0.3*math.Sin(float64(h)/4)
		if h >= 24*10 {
			kw += 3.2
		}
		if h >= 48 && h < 54 {
			kw = nan
		}
		load.KW = append(load.KW, float32(kw))
	}
	onset := start.AddDate(0, 0, 10)
	suspect := func(rank int, id flatwatt.MeterID, area string, kw float64) Finding {
		return Finding{
			Rank: rank, Area: area, Reason: "flat & high", Reasons: []string{"floor <up>", "follows the weather"},
			Meter: flatwatt.Meter{ID: id, Parent: "tx1", Zone: zone, Class: "residential", Contracted: 8, Extra: map[string]string{"latitude": fmt.Sprint(30 + kw/10), "longitude": fmt.Sprint(103 + kw/7)}},
			Score: flatwatt.Score{
				Meter: id, Day: flatwatt.DayOf(today, zone), Detector: "customer", Model: "m1", State: flatwatt.Suspect, Probability: 0.9996, LogOdds: 8,
				Block:       flatwatt.Estimate{Value: kw, Low: kw - .1, High: kw + .1},
				Units:       flatwatt.Range{Low: 1, High: 1},
				HashrateTHs: flatwatt.Range{Low: 90, High: 210},
				Energy:      flatwatt.Estimate{Value: 1500 * kw, Low: 1400 * kw, High: 1600 * kw},
				Onset:       flatwatt.Instants{At: onset, Low: onset.AddDate(0, 0, -1), High: onset.AddDate(0, 0, 1)},
				Schedule:    flatwatt.AlwaysOn,
				Evidence:    []flatwatt.Evidence{{Term: "size", LogOdds: 1.5, Value: nan}, {Term: "thermal", LogOdds: -.7, Value: 2}},
				Features:    flatwatt.Features{MeanKW: kw + .5, FloorKW: kw, LoadFactor: .8, CV: .2, BaseloadShare: .7, NightDay: 1, WeekdayEnd: 1, ACF24: .5, PowerFactor: .99, ThermalPct: nan, ValidShare: .97},
			},
		}
	}
	plain := func(rank int, id flatwatt.MeterID, m flatwatt.Meter, state flatwatt.State) Finding {
		m.ID, m.Zone = id, zone
		s := flatwatt.Score{Meter: id, Day: flatwatt.DayOf(today, zone), Detector: "customer", State: state, Probability: 0.01, LogOdds: -4, Block: flatwatt.Estimate{Value: nan, Low: nan, High: nan}, Energy: flatwatt.Estimate{Value: nan, Low: nan, High: nan}, Features: flatwatt.Features{ValidShare: .5}}
		if rank == 0 {
			s.Probability, s.LogOdds = nan, nan
			s.Features = flatwatt.Features{MeanKW: nan, FloorKW: nan, LoadFactor: nan, CV: nan, BaseloadShare: nan, NightDay: nan, WeekdayEnd: nan, ACF24: nan, PowerFactor: nan, ThermalPct: nan, ValidShare: .1}
		}
		return Finding{Rank: rank, Meter: m, Area: "sichuan/leshan", Reason: "nothing stands out", Score: s}
	}
	b := &fixedBoard{
		status: Status{Title: "<b>fleet</b>", Meters: 8, Readings: 2592000, Days: 30, AsOf: start.AddDate(0, 0, 30)},
		load:   load,
		findings: []Finding{
			suspect(1, odd, "sichuan/aba", 3.2), suspect(2, "c2", "sichuan/aba/wenchuan", 70), suspect(3, "c3", "sichuan/leshan", 20),
			plain(4, "unheard", flatwatt.Meter{}, flatwatt.Normal),
			plain(5, "tx1", flatwatt.Meter{Kind: flatwatt.Transformer, Parent: "f1"}, flatwatt.Normal),
			plain(6, "p1", flatwatt.Meter{Kind: flatwatt.Generator}, flatwatt.Normal),
			plain(7, "dc", flatwatt.Meter{Class: "datacentre", Contracted: 500}, flatwatt.Normal),
			plain(0, "m3", flatwatt.Meter{}, flatwatt.NotEnoughData),
		},
	}
	b.findings[0].Truth = &flatwatt.Truth{Label: flatwatt.Miner, Block: 3.2, Units: 1, Onset: onset}
	return b
}

// password is that of every user of a room.
const password = "correct horse battery"

// people of a room: one of each role, and an operator of one area.
var people = []struct {
	name  string
	role  access.Role
	areas []string
}{
	{"root", access.Administrator, nil}, {"wang", access.Operator, nil}, {"li", access.Inspector, nil}, {"zhao", access.Supervisor, nil},
	{"guest", access.Viewer, nil}, {"aba", access.Operator, []string{"sichuan/aba"}}, {"chen", access.Operator, nil},
}

// A room is a console over a real store, served over HTTP.
type room struct {
	t     testing.TB
	board *fixedBoard
	db    *casework.DB
	s     *Server
	url   string
	addr  string
	http  *http.Server

	mu  sync.Mutex // guards now
	now time.Time
}

func (r *room) clock() time.Time { r.mu.Lock(); defer r.mu.Unlock(); return r.now }

func (r *room) wait(d time.Duration) { r.mu.Lock(); r.now = r.now.Add(d); r.mu.Unlock() }

// newRoom is a console with people and with the alarms of its board's suspects.
func newRoom(t testing.TB, change ...func(*Options)) *room {
	t.Helper()
	r := &room{t: t, board: newBoard(), now: today}
	ctx := context.Background()
	var err error
	if r.db, err = casework.Open(ctx, filepath.Join(t.TempDir(), "casework.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.db.Close() })
	hash, err := access.HashPassword(password) // once: it costs 46 MiB
	if err != nil {
		t.Fatal(err)
	}
	root := access.Actor{Name: "root", Role: access.Administrator}
	for _, p := range people {
		u := casework.User{Role: p.role, Areas: p.areas, Password: hash}
		if err := casework.Put(ctx, r.db, casework.Change{At: today, Actor: root, Action: "user.add"}, casework.KindUser, p.name, 0, u); err != nil {
			t.Fatal(err)
		}
	}
	raise(t, r.db, r.board)
	net, faults := network.New(network.Parents(meters(r.board)), nil)
	if len(faults) > 5 {
		t.Fatal(faults)
	}
	o := Options{Board: r.board, Store: r.db, Now: r.clock, Zone: zone, Program: "flatwatt test", Network: net, History: pastOf(r.board), Runs: someRuns}
	for _, do := range change {
		do(&o)
	}
	if r.s, err = New(o); err != nil {
		t.Fatal(err)
	}
	r.startServer()
	t.Cleanup(r.stopServer)
	r.url = "http://" + r.addr
	return r
}

// startServer serves the console, after a stop at the same address with sessions lost.
func (r *room) startServer() {
	r.t.Helper()
	if r.addr != "" {
		o := r.s.Options
		o.Sessions = nil
		s, err := New(o)
		if err != nil {
			r.t.Fatal(err)
		}
		r.s = s
	}
	listener, err := net.Listen("tcp", cmp.Or(r.addr, "127.0.0.1:0"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.addr = listener.Addr().String()
	r.http = &http.Server{Handler: r.s}
	server := r.http
	go func() { _ = server.Serve(listener) }() // ends with stopServer
}

func (r *room) stopServer() { _ = r.s.Close(); _ = r.http.Close() }

func meters(b *fixedBoard) (list []flatwatt.Meter) {
	for _, f := range b.findings {
		list = append(list, f.Meter)
	}
	return append(list, flatwatt.Meter{ID: "f1", Kind: flatwatt.Feeder})
}

// raise has the board's suspects raise alarms as the service does.
func raise(t testing.TB, db casework.Store, b Board) {
	t.Helper()
	policy := alarms.DefaultPolicy()
	policy.BudgetPerDay, policy.GroupFrom = 0, 0
	r := alarms.Raiser{Store: db, Policy: policy, Who: access.Actor{Name: "flatwatt", Role: access.Operator}, Now: func() time.Time { return today }}
	var list []alarms.Verdict
	for day := range 2 { // the on-delay
		for _, f := range b.Findings() {
			if f.Score.State != flatwatt.Suspect {
				continue
			}
			list = append(list, alarms.Verdict{
				ID: string(f.Meter.ID), Day: today.AddDate(0, 0, day-2).Format(time.DateOnly), Known: true, Suspect: true, Detector: "customer",
				Kind: "customer", Area: f.Area, Class: string(f.Meter.Class), Above: string(f.Meter.Parent), Finding: caseFinding(f),
			})
		}
	}
	if _, err := r.Apply(context.Background(), list, false); err != nil {
		t.Fatal(err)
	}
}

func pastOf(b Board) func(context.Context, flatwatt.MeterID) ([]flatwatt.Score, error) {
	return func(_ context.Context, id flatwatt.MeterID) (list []flatwatt.Score, err error) {
		f, ok := b.Finding(id)
		for day := range flatwatt.Day(10) {
			s := f.Score
			s.Day -= 10 - day
			list = append(list, s)
		}
		if !ok {
			return nil, nil
		}
		return list, nil
	}
}

func someRuns(context.Context) ([]Run, error) {
	return []Run{{What: "nightly", Who: "host-1", Due: today, Started: today, Ended: today.Add(90 * time.Second), Outcome: "done", Range: "2026-01-01 to 2026-01-31", Model: "m2", Readings: 1e6, Scores: 240, Ref: "r1"}, {What: "<b>", Started: today, Outcome: "running", Note: "attempt 2"}}, nil
}
