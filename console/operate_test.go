package console

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/flatwatt/flatwatt/casework"
	"github.com/flatwatt/flatwatt/casework/alarms"
)

func (r *room) alarm(id string) alarms.Alarm {
	r.t.Helper()
	a, _, err := casework.Get[alarms.Alarm](context.Background(), r.db, alarms.Kind, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

func (r *room) caseOf(id string) casework.Case {
	r.t.Helper()
	c, _, err := casework.Get[casework.Case](context.Background(), r.db, casework.KindCase, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// TestTriageByKeyboard takes an alarm from the list to an assigned inspection with keys
// alone, and counts them: at most eight.
func TestTriageByKeyboard(t *testing.T) {
	w := browse(t)(newRoom(t))
	w.signIn("wang")
	w.open("/alarms")
	w.until(`document.querySelector("tr.now")`, "the first row is in focus")
	pressed := 0
	press := func(key string) { w.keys(key); pressed++ }
	press("j") // to the second row
	w.until(`document.querySelector("tr.now").dataset.row === "c3"`, "the second row is in focus")
	press("i")
	w.until(`document.querySelector("dialog#inspect[open] input[name=ref]")`, "the dialog is open")
	press("\r")
	w.see("Inspection ordered: C-2026-00001, given to li.")
	t.Logf("%d key presses from the list to the assigned inspection of the second alarm", pressed)
	if pressed > 8 {
		t.Errorf("%d key presses, want at most 8", pressed)
	}
	c, a := w.caseOf("C-2026-00001"), w.alarm("c3")
	if c.Meter != "c3" || c.State != casework.Ordered || c.Assignee != "li" || c.Due == "" || a.Case != "C-2026-00001" || !a.Acknowledged || a.AckedBy != "wang" {
		t.Errorf("case %+v, alarm %+v", c, a)
	}
	// What wants work has moved up: the next one is in focus, a key away.
	w.until(`document.querySelector("tr.now").dataset.row !== "c3"`, "the next alarm is in focus")
}

// TestListByKeyboard selects, acknowledges, shelves, searches, opens and goes elsewhere.
func TestListByKeyboard(t *testing.T) {
	w := browse(t)(newRoom(t))
	w.signIn("wang")
	w.open("/alarms")
	w.until(`document.querySelector("tr.now")`, "the list is ready")
	w.keys("x")
	w.see("1 selected")
	w.keys("jx")
	w.see("2 selected")
	w.keys("a")
	w.see("2 acknowledged.")
	w.until(`document.querySelector("tr.now")`, "the list is ready")
	at := eval[string](w, `document.querySelector("tr.now").dataset.row`)
	for id, want := range map[string]bool{"c2": true, "c3": true, odd: false} {
		if w.alarm(id).Acknowledged != want {
			t.Errorf("alarm %s: acknowledged is %v", id, !want)
		}
	}
	w.keys("s")
	w.until(`document.querySelector("dialog#shelve[open]")`, "the dialog is open")
	w.keys("\r")
	w.see("1 shelved until")
	w.until(`document.querySelector("tr.now")`, "the list is ready")
	if a := w.alarm(at); a.Hold == nil || a.Hold.State != alarms.Shelved || a.Hold.By != "wang" || a.Hold.Reason == "" {
		t.Errorf("shelved: %+v", a.Hold)
	}
	w.keys("/")
	w.until(`document.activeElement.id === "q"`, "the search has the focus")
	eval[bool](w, `(document.getElementById("q").value = "", true)`) // the driver sends the slash as text too, which a keyboard does not
	w.keys("script\r")
	w.until(`document.querySelectorAll("tr.now[data-row]").length === 1 && document.querySelectorAll("tr[data-row]").length === 1`, "one row is left")
	w.keys("\r")
	w.until(`location.pathname.startsWith("/meters/")`, "Enter opens the meter")
	w.until(`document.querySelector("[data-ready]")`, "the page is ready")
	w.keys("gc")
	w.until(`location.pathname === "/cases"`, "g c goes to the cases")
	w.until(`document.readyState === "complete"`, "the page is ready")
	w.keys("?")
	w.until(`document.querySelector("dialog#help[open]")`, "the help is open")
}

// TestTwoOperatorsCannotOverwriteOneAnother: both look at one alarm; the second to act is
// told who was first, and nothing is overwritten. Their lists follow by themselves.
func TestTwoOperatorsCannotOverwriteOneAnother(t *testing.T) {
	open := browse(t)
	r := newRoom(t)
	wang, chen := open(r), open(r)
	wang.signIn("wang")
	chen.signIn("chen")
	wang.open("/alarms")
	chen.open("/alarms")
	// Chen has the dialog open, so the list does not change under it.
	chen.until(`document.querySelector("tr.now")`, "the list is ready")
	chen.keys("s")
	chen.until(`document.querySelector("dialog#shelve[open] input[name=ref]")`, "the dialog is open")
	wang.until(`document.querySelector("tr.now")`, "the list is ready")
	wang.keys("a")
	wang.see("1 acknowledged.")
	chen.keys("\r")
	chen.see("c2 was changed by wang meanwhile. Nothing was overwritten")
	if a := r.alarm("c2"); a.AckedBy != "wang" || a.Hold != nil {
		t.Errorf("the alarm is %+v", a)
	}
	// Now Chen acts, and Wang's list shows it without a key being pressed.
	chen.open("/alarms")
	chen.until(`document.querySelector("tr.now")`, "the list is ready")
	chen.until(`document.querySelector("tr.now").dataset.row === "c3"`, "what wants work is at the top")
	chen.keys("a")
	chen.see("1 acknowledged.")
	wang.until(`document.querySelector('tr[data-row="c3"] .a-acknowledged')`, "Wang's list follows")
}

// TestPollingWhereNoStreamComesThrough: with /events cut off, lists follow all the same.
func TestPollingWhereNoStreamComesThrough(t *testing.T) {
	w := browse(t)(newRoom(t))
	w.signIn("wang")
	w.must(chromedp.Navigate("about:blank"))
	close(w.s.closing) // every stream ends at its first look
	w.s.closeOne.Do(func() {})
	w.open("/alarms")
	w.until(`document.getElementById("live").className === "dot poll"`, "the page polls")
	v := w.visit("chen")
	if code, body := v.post("/alarms/acknowledge", "ref", "c3@0"); code != 303 {
		t.Fatal(code, body)
	}
	w.until(`document.querySelector('tr[data-row="c3"] .a-acknowledged')`, "the list follows by polling")
}

// TestEachRolesMainPath walks a case from the alarm to its end through five people.
func TestEachRolesMainPath(t *testing.T) {
	open := browse(t)
	r := newRoom(t)
	as := func(name string) *window { w := open(r); w.signIn(name); return w }
	wang := as("wang")
	wang.open("/meters/c2")
	wang.until(`document.querySelector("[data-ready]")`, "the load is drawn")
	wang.click(`form[action="/cases"] button`)
	wang.see("C-2026-00001 opened.")
	wang.click(`.checks .tick`)
	wang.until(`document.querySelector(".checks .tick").getAttribute("aria-checked") === "true"`, "the task is ticked")
	wang.click(`form[action$="/move"] button`) // into desk review
	wang.see("In this state since")
	wang.until(`document.querySelector(".path [aria-current]").textContent === "desk review"`, "the case is in desk review")
	eval[bool](wang, `(document.querySelector('input[name=to][value="inspection ordered"]').form.querySelector("button").click(), true)`)
	wang.until(`document.querySelector(".path [aria-current]").textContent === "inspection ordered"`, "an inspection is ordered")
	if n := eval[int](wang, `document.querySelectorAll('form[action$="/propose"]').length`); n != 0 {
		t.Error("an operator is offered to confirm")
	}
	li := as("li")
	li.open("/cases/C-2026-00001")
	li.click(`form[action$="/propose"] button`)
	li.see("Confirmation waits for a second person")
	if n := eval[int](li, `document.querySelectorAll('button[value=yes]').length`); n != 0 {
		t.Error("who proposed is offered to agree")
	}
	zhao := as("zhao")
	zhao.open("/cases/C-2026-00001")
	zhao.click(`button[value=yes]`)
	zhao.see("Decided.")
	if c := r.caseOf("C-2026-00001"); c.State != casework.Confirmed || c.ApprovedBy != "zhao" {
		t.Errorf("case %+v", c)
	}
	guest := as("guest")
	guest.open("/cases/C-2026-00001")
	if n := eval[int](guest, `document.querySelectorAll("main form").length`); n != 0 {
		t.Errorf("a viewer is offered %d forms", n)
	}
	root := as("root")
	root.open("/audit?verify=true")
	root.see("Whole:")
	root.open("/users")
	root.must(chromedp.SendKeys(chromedp.CSS(`form[action="/users"] input[name=name]`), "sun"), chromedp.SendKeys(chromedp.CSS(`form[action="/users"] input[name=password]`), password))
	root.click(`form[action="/users"] button`)
	root.see("sun added.")
	as("sun").see("Alarms")
}

// TestSessionLossAndRestart: a page whose session ended leads to the login and back; one
// whose server is away says so and goes on when it is back.
func TestSessionLossAndRestart(t *testing.T) {
	r := newRoom(t)
	w := browse(t)(r)
	w.signIn("wang")
	w.open("/alarms?tab=backlog")
	r.s.Sessions.EndOthers("wang", "")
	w.until(`location.pathname === "/login"`, "the page leads to the login")
	w.credentials("wang")
	w.until(`location.pathname + location.search === "/alarms?tab=backlog"`, "the sign-in leads back")

	w.open("/alarms")
	r.stopServer()
	w.see("No connection: what you see may be old.")
	r.startServer()
	w.until(`location.pathname === "/login" || !document.querySelector(".lostbar")`, "the page comes back")
	if strings.Contains(w.where(), "/login") { // a restart ends sessions
		w.credentials("wang")
	}
	w.until(`document.querySelector(".bar") && !document.querySelector(".lostbar")`, "work goes on")
}
