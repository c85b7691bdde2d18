package console

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browserWait bounds one step of a browser; the machine may be busy.
const browserWait = 60 * time.Second

// chromium is the browser of this machine. Where there is none the test is skipped, but
// for NEED_CHROMIUM=1, under which it fails.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("NEED_CHROMIUM") == "1" {
		t.Fatal("no chromium, and NEED_CHROMIUM=1 wants one: apt-get install chromium")
	}
	t.Skip("no chromium on this machine: apt-get install chromium to test the console in a browser")
	return ""
}

// A window is a browser with cookies of its own at a room's console.
type window struct {
	*room
	ctx context.Context

	mu     sync.Mutex // guards faults
	faults []string   // exceptions and refused resources
}

// browse starts a browser for a test and returns how to open windows in it.
func browse(t testing.TB) func(r *room) *window {
	t.Helper()
	path := chromium(t)
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("lang", "en"))
	alloc, cancel := chromedp.NewExecAllocator(context.Background(), opts...)
	t.Cleanup(cancel)
	first, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	if err := chromedp.Do(first, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	return func(r *room) *window {
		ctx, cancel := chromedp.NewContext(first, chromedp.WithNewBrowserContext())
		t.Cleanup(cancel)
		w := &window{room: r, ctx: ctx}
		// The first step opens the window, which lives as long as its context: no timeout here.
		if err := chromedp.Do(ctx, chromedp.EmulateViewport(1400, 900)); err != nil {
			t.Fatal(err)
		}
		if err := chromedp.Listen(ctx, w.hear); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, f := range w.faults {
				t.Error("in the browser:", f)
			}
		})
		return w
	}
}

// hear gathers what a page does wrong: exceptions, and what the policy refused.
func (w *window) hear(ev any) {
	text := ""
	switch e := ev.(type) {
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError {
			text = e.Args[0].Value.String()
		}
	}
	if text != "" {
		w.mu.Lock()
		w.faults = append(w.faults, text)
		w.mu.Unlock()
	}
}

func (w *window) must(steps ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, browserWait)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		w.t.Fatalf("in the browser: %v\nat %s", err, w.where())
	}
}

func (w *window) where() string {
	ctx, cancel := context.WithTimeout(w.ctx, 2*time.Second)
	defer cancel()
	at, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + location.search + "\n" + document.body.innerText.slice(0, 800)`))
	if err != nil {
		return err.Error()
	}
	return at
}

// eval is what a script says.
func eval[T any](w *window, script string) T {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, browserWait)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		w.t.Fatalf("%.100s: %v", script, err)
	}
	return v
}

func (w *window) open(path string) {
	w.t.Helper()
	w.must(chromedp.Navigate(w.url+path), chromedp.WaitReady(chromedp.CSS("main")))
}

func (w *window) keys(keys string) { w.t.Helper(); w.must(chromedp.KeyEvent(keys)) }

func (w *window) click(css string) { w.t.Helper(); w.must(chromedp.Click(chromedp.CSS(css))) }

// see waits until the page shows a text.
func (w *window) see(text string) {
	w.t.Helper()
	js, _ := json.Marshal(text)
	w.until(fmt.Sprintf(`document.body && document.body.innerText.includes(%s)`, js), "the page shows "+text)
}

// until waits until a script says true. Pages change under it, so an error is a no.
func (w *window) until(script, what string) {
	w.t.Helper()
	for deadline := time.Now().Add(browserWait); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(w.ctx, 5*time.Second)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+script+")"))
		cancel()
		if err == nil && ok {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain until %s; at %s", what, w.where())
		}
	}
}

// signIn signs in with the keyboard: the name's field has the focus.
func (w *window) signIn(name string) {
	w.t.Helper()
	w.open("/login")
	w.credentials(name)
	w.until(`document.querySelector(".bar")`, name+" is signed in")
}

// credentials types name and password once the name's field has the focus.
func (w *window) credentials(name string) {
	w.t.Helper()
	w.until(`document.activeElement && document.activeElement.name === "user"`, "the login waits for a name")
	w.keys(name + "\t" + password + "\r")
}

// prefer sets language and theme.
func (w *window) prefer(lang, theme string) {
	w.t.Helper()
	eval[bool](w, fmt.Sprintf(`fetch("/preferences", {method: "POST", body: new URLSearchParams({lang: %q, theme: %q, back: "/login"})}).then(() => true)`, lang, theme))
}

// axe runs axe-core over the page and fails on every violation of WCAG 2.1 A and AA and of
// its best practices.
func (w *window) axe(name string) (checked int) {
	w.t.Helper()
	script, err := os.ReadFile("testdata/axe-4.14.1.min.js")
	if err != nil {
		w.t.Fatal(err)
	}
	eval[bool](w, string(script)+";true")
	answer := eval[string](w, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}).then((r) => JSON.stringify({
		wrong: r.violations.map((v) => v.id + ": " + v.help + ": " + v.nodes.map((n) => n.html.slice(0, 160) + " " + n.failureSummary.replace(/\s+/g, " ")).slice(0, 3).join(" | ")), passed: r.passes.length}))`)
	var got struct {
		Wrong  []string
		Passed int
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		w.t.Fatal(err)
	}
	for _, wrong := range got.Wrong {
		w.t.Errorf("axe on %s: %s", name, wrong)
	}
	return got.Passed
}

// shot writes a picture where FLATWATT_SHOTS names a directory, to be looked at.
func (w *window) shot(name string) {
	dir := os.Getenv("FLATWATT_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx, browserWait)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(dir+"/"+strings.NewReplacer("/", "_", "?", "_", "=", "_").Replace(name)+".png", png, 0o600)
	}
	if err != nil {
		w.t.Error(err)
	}
}
