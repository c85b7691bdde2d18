package console

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestEveryPageIsAccessible runs axe-core over every page in both languages, light and
// dark, wide and narrow, and wants no violation, no raw key and no sideways scrolling.
func TestEveryPageIsAccessible(t *testing.T) {
	open := browse(t)
	r := newRoom(t)
	withCase(t, r)
	w := open(r)
	looks := []struct {
		lang, theme string
		width       int64
	}{{"en", "light", 1400}, {"zh-CN", "dark", 360}}
	pages := 0
	for _, look := range looks {
		w.must(chromedp.EmulateViewport(look.width, 900))
		w.open("/login")
		w.prefer(look.lang, look.theme)
		w.open("/login")
		name := look.lang + " " + look.theme + " "
		w.axe(name + "/login")
		w.shot(name + "login")
		w.signIn("root")
		for _, v := range views() {
			if v.Name == "" {
				continue
			}
			path := everyPath(t, r)[v.Path]
			w.open(path)
			if v.Name == "meter" {
				w.until(`document.querySelector("[data-ready]")`, "the load is drawn")
			}
			if passed := w.axe(name + path); passed < 20 {
				t.Errorf("axe checked only %d rules on %s", passed, path)
			}
			pages++
			w.shot(name + v.Name)
			if wide := eval[int](w, `document.documentElement.scrollWidth - innerWidth`); wide > 0 {
				t.Errorf("%s %s at %d pixels scrolls sideways by %d: %s", name, path, look.width, wide, eval[string](w, widest))
			}
			if raw := eval[string](w, `(document.body.innerText.match(/⟦.*?⟧/) || [""])[0]`); raw != "" {
				t.Errorf("%s shows %s", path, raw)
			}
		}
		eval[bool](w, `fetch("/logout", {method: "POST"}).then(() => true)`)
	}
	t.Logf("%d pages without a violation", pages)
}

// widest names the element that sticks out.
const widest = `[...document.querySelectorAll("main *, header *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll")).map((e) => e.outerHTML.slice(0, 100)).slice(0, 2).join(" | ")`

// TestDialogsAreAccessible opens each dialog of the alarm list and the help.
func TestDialogsAreAccessible(t *testing.T) {
	w := browse(t)(newRoom(t))
	w.signIn("wang")
	for key, id := range map[string]string{"i": "inspect", "s": "shelve", "?": "help"} {
		w.open("/alarms")
		w.until(`document.querySelector("tr.now")`, "the first row is in focus")
		w.keys(key)
		w.until(`document.querySelector("dialog#`+id+`[open]")`, key+" opens "+id)
		w.axe("dialog " + id)
		w.shot("dialog " + id)
		if at := eval[string](w, `document.activeElement.closest("dialog")?.id || "outside"`); at != id {
			t.Errorf("the focus is %s of %s", at, id)
		}
		w.keys("\x1b")
		w.until(`!document.querySelector("dialog[open]")`, "Esc closes it")
	}
}

// TestOneStyleForBothThemes: the switch and the system's wish lead to the same colours.
func TestOneStyleForBothThemes(t *testing.T) {
	css, err := assets.ReadFile("assets/console.css")
	if err != nil {
		t.Fatal(err)
	}
	block := func(from string) string {
		_, rest, ok := strings.Cut(string(css), from)
		if !ok {
			t.Fatalf("no %s", from)
		}
		body, _, _ := strings.Cut(rest, "}")
		return strings.Join(strings.Fields(body), " ")
	}
	if a, b := block(`:root:not([data-theme="light"]) {`), block(`:root[data-theme="dark"] {`); a != b {
		t.Errorf("dark by wish and dark by choice differ:\n%s\n%s", a, b)
	}
}
