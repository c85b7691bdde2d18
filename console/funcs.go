package console

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"time"

	"github.com/flatwatt/flatwatt/casework/alarms"
)

// funcs are what pages of a language can call.
func (s *Server) funcs(lang string) template.FuncMap {
	cat := s.catalogs[lang]
	return template.FuncMap{
		"t": cat.say, "word": cat.or, "task": func(text string) string { return cat.or("task.", text) },
		"asset": s.assetPath, "dict": dict, "query": query, "pager": pager, "escape": url.PathEscape, "loginNext": loginNext, "slug": slug,
		"percent": percent, "share": share, "kw": kilowatts, "num": num, "span": spanText, "est": estimateText,
		"signed":  func(x float64) string { return fmt.Sprintf("%+.2f", x) },
		"grouped": func(v any) string { return grouped(toInt(v)) },
		"energy":  func(v any) string { return energyText(v, lang) },
		"onset":   func(f Finding) string { return onset(f, cat) },
		"day":     dayText, "when": s.when, "has": func(v *float64) bool { return v != nil },
		"join": strings.Join, "short": func(text string) string { return cut(text, 12) }, "short40": func(text string) string { return cut(text, 40) },
		"first":      func(list []string, n int) []string { return list[:min(n, len(list))] },
		"priorities": func() []string { return []string{"high", "medium", "low"} }, "casePath": func() []string { return caseStates },
		"weekdays": func() []int { return []int{0, 1, 2, 3, 4, 5, 6} }, "packSteps": func() []int { return []int{1, 2, 3, 4, 5, 6} },
		"kpiDays": func() []int { return []int{7, 30, 90, 365} },
		"at":      func(m map[alarms.Priority]int, p string) int { return m[alarms.Priority(p)] },
		"shareAt": func(m map[alarms.Priority]float64, p string) float64 { return m[alarms.Priority(p)] },
	}
}

// when is a moment in the console's zone.
func (s *Server) when(v any) string {
	var t time.Time
	switch v := v.(type) {
	case time.Time:
		t = v
	case *time.Time:
		if v != nil {
			t = *v
		}
	}
	if t.IsZero() {
		return unknown
	}
	return t.In(s.Zone).Format("2006-01-02 15:04")
}

func cut(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}

// slug makes a class name of a state.
func slug(text string) string { return strings.ReplaceAll(text, " ", "-") }

// A pages is which page of a list is shown, and where its neighbours are.
type pages struct {
	Page, Pages int
	Prev, Next  string
}

// pager links to the neighbours of a page of a list with the same filter.
func pager(path string, page, of int, filter ...any) pages {
	to := func(n int) string { return path + string(query(append([]any{"page", n}, filter...)...)) }
	return pages{page, of, to(page - 1), to(page + 1)}
}

// dict makes a map of pairs, for parts of pages that take more than one value.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d values, want pairs", len(pairs))
	}
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}

// query is a query string of pairs, those without a value left out.
func query(pairs ...any) template.URL {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := fmt.Sprint(pairs[i+1]); v != "" && v != "0" && v != "false" {
			q.Set(fmt.Sprint(pairs[i]), v)
		}
	}
	if len(q) == 0 {
		return "?"
	}
	return template.URL("?" + q.Encode())
}
