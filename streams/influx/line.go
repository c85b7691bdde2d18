package influx

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flatwatt/flatwatt"
)

// appendScore appends the point of s as a line of line protocol, with every field; or, if
// brief, with the few that normal scores have and the others in restField.
func appendScore(b []byte, s *flatwatt.Score, brief bool) ([]byte, error) {
	if err := checkTag(MeterTag, string(s.Meter)); err != nil {
		return b, err
	}
	if err := checkTag(DetectorTag, s.Detector); err != nil {
		return b, fmt.Errorf("meter %q: %w", s.Meter, err)
	}
	if s.Start.IsZero() {
		return b, fmt.Errorf("meter %q, day %s: score has no start, which is its time in the database", s.Meter, s.Day)
	}
	b = append(b, ScoreMeasurement...)
	b = appendTag(b, DetectorTag, s.Detector)
	b = appendTag(b, MeterTag, string(s.Meter))
	b = append(b, ' ')
	b = appendKey(b, judgedField)
	b = strconv.AppendBool(b, s.State != flatwatt.NotEnoughData)
	b = appendInt(append(b, ','), dayField, int64(s.Day))
	for _, f := range scoreTexts {
		b = appendText(append(b, ','), f.name, *f.of(s))
	}
	for _, f := range scoreTimes {
		if !brief || slices.Contains(briefTimes, f.name) {
			b = appendInt(append(b, ','), f.name, unix(*f.of(s)))
		}
	}
	for _, f := range scoreFloats {
		if !brief || slices.Contains(briefFloats, f.name) {
			b = appendFloat(append(b, ','), f.name, *f.of(s))
		}
	}
	b = append(appendKey(append(b, ','), restField), '"')
	if brief {
		b = appendRest(b, s)
	}
	b = append(appendKey(append(b, `",`...), evidenceField), '"')
	b = append(appendEvidence(b, s.Evidence), '"')
	return appendTime(b, s.Start), nil
}

// mayBeBrief says whether nobody looks for the single fields of s.
func mayBeBrief(s flatwatt.State) bool { return s == flatwatt.Normal || s == flatwatt.NotEnoughData }

// appendRest appends all times and numbers of s. None of its characters needs escaping.
func appendRest(b []byte, s *flatwatt.Score) []byte {
	b = append(b, restVersion...)
	for _, f := range scoreTimes {
		b = append(b, ',')
		if t := *f.of(s); !t.IsZero() {
			b = strconv.AppendInt(b, t.Unix(), 10)
		}
	}
	for _, f := range scoreFloats {
		b = append(b, ',')
		if v := *f.of(s); v == v {
			b = strconv.AppendFloat(b, min(max(v, -MaxAbs), MaxAbs), 'g', -1, 64)
		}
	}
	return b
}

// readRest is the inverse of appendRest.
func readRest(text string, s *flatwatt.Score) error {
	version, text, _ := strings.Cut(text, ",")
	if version != restVersion {
		return fmt.Errorf("rest of form %.20q, this program reads %s: use the newer program", version, restVersion)
	}
	next := func() (value string) { value, text, _ = strings.Cut(text, ","); return value }
	for _, f := range scoreTimes {
		*f.of(s) = time.Time{}
		if v := next(); v != "" {
			sec, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return fmt.Errorf("rest: %s: %w", f.name, err)
			}
			*f.of(s) = time.Unix(sec, 0).UTC()
		}
	}
	for _, f := range scoreFloats {
		*f.of(s) = math.NaN()
		if v := next(); v != "" {
			x, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return fmt.Errorf("rest: %s: %w", f.name, err)
			}
			*f.of(s) = x
		}
	}
	return nil
}

// checkTag refuses names that line protocol cannot carry or that would come back
// different: a trailing backslash would escape what follows it.
func checkTag(tag, value string) error {
	why := ""
	switch {
	case value == "":
		why = "is empty"
	case len(value) > MaxTagBytes:
		why = fmt.Sprintf("has %d bytes, more than %d", len(value), MaxTagBytes)
	case !utf8.ValidString(value):
		why = "is not UTF-8"
	case strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0:
		why = "has a control character"
	case strings.Contains(value, `\`):
		why = "has a backslash"
	default:
		return nil
	}
	return fmt.Errorf("%s %.300q %s: rename it in the register", tag, value, why)
}

func appendTag(b []byte, key, value string) []byte {
	b = appendKey(append(b, ','), key)
	for i := range len(value) {
		if c := value[i]; c == ' ' || c == ',' || c == '=' {
			b = append(b, '\\')
		}
		b = append(b, value[i])
	}
	return b
}

func appendKey(b []byte, key string) []byte { return append(append(b, key...), '=') }

func appendInt(b []byte, key string, v int64) []byte {
	return append(strconv.AppendInt(appendKey(b, key), v, 10), 'i')
}

// appendFloat stores NaN as Missing and cuts at ±MaxAbs.
func appendFloat(b []byte, key string, v float64) []byte {
	if v != v {
		v = Missing
	} else {
		v = min(max(v, -MaxAbs), MaxAbs)
	}
	return strconv.AppendFloat(appendKey(b, key), v, 'g', -1, 64)
}

func appendText(b []byte, key, v string) []byte {
	return append(appendEscaped(append(appendKey(b, key), '"'), v), '"')
}

func appendEscaped(b []byte, v string) []byte {
	for i := range len(v) {
		if v[i] == '"' || v[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, v[i])
	}
	return b
}

func appendTime(b []byte, t time.Time) []byte {
	return append(strconv.AppendInt(append(b, ' '), t.Unix(), 10), '\n')
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return NoTime
	}
	return t.Unix()
}

func fromUnix(s int64) time.Time {
	if s == NoTime {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

// evidenceTerm is how a piece of evidence is stored: [{"term":…,"log_odds":…,"value":…}].
// null stands for NaN and ±Inf, which JSON does not have.
type evidenceTerm struct {
	Term    string   `json:"term"`
	LogOdds *float64 `json:"log_odds"`
	Value   *float64 `json:"value"`
}

// appendEvidence appends as many terms, from the first, as fit into MaxEvidenceBytes, as
// JSON inside a text of line protocol: its quotes are escaped. Names of terms are plain
// words; others are left to encoding/json.
func appendEvidence(b []byte, evidence []flatwatt.Evidence) []byte {
	b = append(b, '[')
	size := len("[]") // unescaped
	for i, e := range evidence {
		before := len(b)
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{\"term\":`...)
		b = appendTerm(b, e.Term)
		b = append(b, `,\"log_odds\":`...)
		b = appendNumber(b, e.LogOdds)
		b = append(b, `,\"value\":`...)
		b = append(appendNumber(b, e.Value), '}')
		if size += len(b) - before - bytes.Count(b[before:], []byte{'\\'}); size > MaxEvidenceBytes {
			b = b[:before]
			break
		}
	}
	return append(b, ']')
}

// appendTerm appends a name as JSON, escaped.
func appendTerm(b []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(name) // a string always marshals
			return appendEscaped(b, string(text))
		}
	}
	b = append(b, `\"`...)
	b = append(b, name...)
	return append(b, `\"`...)
}

// appendNumber appends v as JSON; null where JSON has none. As encoding/json does it, so
// that points written by earlier programs are equal.
func appendNumber(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		text, _ := json.Marshal(v)
		return append(b, text...)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

func evidenceFrom(text string) ([]flatwatt.Evidence, error) {
	var terms []evidenceTerm
	if err := json.Unmarshal([]byte(text), &terms); err != nil {
		return nil, fmt.Errorf("evidence %.100q: %w", text, err)
	}
	var evidence []flatwatt.Evidence
	for _, t := range terms {
		evidence = append(evidence, flatwatt.Evidence{Term: t.Term, LogOdds: orNaN(t.LogOdds), Value: orNaN(t.Value)})
	}
	return evidence, nil
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}
