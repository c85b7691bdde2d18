package influx

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flatwatt/flatwatt"
)

// appendScore appends the point of s as a line of line protocol, with every field.
func appendScore(b []byte, s *flatwatt.Score) ([]byte, error) {
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
		b = appendInt(append(b, ','), f.name, unix(*f.of(s)))
	}
	for _, f := range scoreFloats {
		b = appendFloat(append(b, ','), f.name, *f.of(s))
	}
	b = appendText(append(b, ','), evidenceField, evidenceJSON(s.Evidence))
	return appendTime(b, s.Start), nil
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
	b = append(appendKey(b, key), '"')
	for i := range len(v) {
		if v[i] == '"' || v[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, v[i])
	}
	return append(b, '"')
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

// evidenceJSON keeps as many terms, from the first, as fit into MaxEvidenceBytes.
func evidenceJSON(evidence []flatwatt.Evidence) string {
	b := []byte{'['}
	for _, e := range evidence {
		// A struct of text and finite numbers always marshals.
		term, _ := json.Marshal(evidenceTerm{e.Term, finite(e.LogOdds), finite(e.Value)})
		if len(b)+len(term)+len(",]") > MaxEvidenceBytes {
			break
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, term...)
	}
	return string(append(b, ']'))
}

func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
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
