package console

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A phrase is a sentence of casework's rules, or of a statement, in English as it comes and
// in the reader's language. Casework speaks English to programs and to the trail; people
// get it translated where it is shown.
type phrase struct {
	english *regexp.Regexp // after a prefix such as "C-2026-00001: "; one group a verb
	local   string         // with %s for each group, in the same order
}

var verb = regexp.MustCompile(`%[sdgvq]`)

// loadPhrases reads the sentences of a language by their English format. The longest
// formats come first, so that the most specific one wins.
func loadPhrases(lang string) ([]phrase, error) {
	text, err := assets.ReadFile("assets/lang/" + lang + "-phrases.json")
	if err != nil {
		return nil, err
	}
	by := map[string]string{}
	if err := json.Unmarshal(text, &by); err != nil {
		return nil, fmt.Errorf("phrases %s: %w", lang, err)
	}
	formats := make([]string, 0, len(by))
	for f := range by {
		formats = append(formats, f)
	}
	slices.SortFunc(formats, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(verb.ReplaceAllString(b, "")), len(verb.ReplaceAllString(a, ""))), cmp.Compare(a, b))
	})
	list := make([]phrase, 0, len(formats))
	for _, f := range formats {
		re, err := regexp.Compile(`(?s)^(|.*?: )` + formatPattern(f) + `$`)
		if err != nil {
			return nil, fmt.Errorf("phrases %s: %q: %w", lang, f, err)
		}
		list = append(list, phrase{re, verb.ReplaceAllString(by[f], "%s")})
	}
	return list, nil
}

// formatPattern matches what a format of package fmt prints.
func formatPattern(format string) string {
	var b strings.Builder
	at := 0
	for _, v := range verb.FindAllStringIndex(format, -1) {
		b.WriteString(regexp.QuoteMeta(format[at:v[0]]))
		switch format[v[0]:v[1]] {
		case "%q":
			b.WriteString(`("(?:[^"\\]|\\.)*"|'[^']*')`)
		case "%d":
			b.WriteString(`(-?\d+)`)
		default:
			b.WriteString(`(.*?)`)
		}
		at = v[1]
	}
	b.WriteString(regexp.QuoteMeta(format[at:]))
	return b.String()
}

// sentence is an English sentence of casework in the person's language. What no phrase
// matches stays as it is.
func (c *call) sentence(text string) string {
	for _, p := range c.phrases[c.lang] {
		m := p.english.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		args := make([]any, 0, len(m))
		for _, word := range m[2:] {
			args = append(args, c.listed(strings.Trim(word, `"'`), "alarm.", "case.", "role."))
		}
		return m[1] + fmt.Sprintf(p.local, args...)
	}
	return text
}

// listed puts a word, or a list of words with commas, into the person's language: by the
// first of the prefixes under which the catalogue has it.
func (c *call) listed(text string, prefixes ...string) string {
	words := strings.Split(text, ", ")
	for i, w := range words {
		for _, prefix := range prefixes {
			if said := c.catalogs[c.lang].or(prefix, w); said != w {
				words[i] = said
				break
			}
		}
	}
	return strings.Join(words, ", ")
}
