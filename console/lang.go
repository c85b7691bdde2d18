package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Languages of the console, as in the html element. The first is what a browser gets that
// asks for neither.
const (
	english = "en"
	chinese = "zh-CN"
)

var languages = []string{english, chinese}

// A catalog holds every text of the console in one language, by its key.
type catalog map[string]string

func loadCatalogs() (map[string]catalog, error) {
	all := map[string]catalog{}
	for _, lang := range languages {
		text, err := assets.ReadFile("assets/lang/" + lang + ".json")
		if err != nil {
			return nil, err
		}
		c := catalog{}
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, fmt.Errorf("catalogue %s: %w", lang, err)
		}
		all[lang] = c
	}
	return all, nil
}

// missing marks a text that a catalogue lacks, so that tests find it on any page.
const missing = "⟦%s⟧"

// say is the text of a key with its arguments put in.
func (c catalog) say(key string, args ...any) string {
	text, ok := c[key]
	if !ok {
		return fmt.Sprintf(missing, key)
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// or is the text of a prefixed word where the catalogue has it, else the word itself: for
// words that come from data, such as a class of a register.
func (c catalog) or(prefix, word string) string {
	if text, ok := c[prefix+word]; ok {
		return text
	}
	return word
}

const langCookie, themeCookie = "flatwatt_lang", "flatwatt_theme"

// language is the one chosen before, else the one that the browser prefers.
func language(r *http.Request) string {
	if c, err := r.Cookie(langCookie); err == nil && (c.Value == english || c.Value == chinese) {
		return c.Value
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ";")
		switch {
		case strings.HasPrefix(tag, "zh"):
			return chinese
		case strings.HasPrefix(tag, "en"):
			return english
		}
	}
	return english
}

// theme is light, dark or "" for that of the system.
func theme(r *http.Request) string {
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		return c.Value
	}
	return ""
}

// preferences keeps language and theme, and goes back to where they were changed.
func (s *Server) preferences(w http.ResponseWriter, r *http.Request) {
	const year = 365 * 24 * 3600
	switch lang := r.FormValue("lang"); lang {
	case english, chinese:
		s.setCookie(w, langCookie, lang, year)
	}
	switch theme := r.FormValue("theme"); theme {
	case "light", "dark":
		s.setCookie(w, themeCookie, theme, year)
	case "system":
		s.setCookie(w, themeCookie, "", -1)
	}
	http.Redirect(w, r, local(r.FormValue("back")), http.StatusSeeOther)
}
