package detectors

import (
	"bytes"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/models"
)

func rewritten(t *testing.T, p *Params) (*Params, []byte) {
	t.Helper()
	text, err := WriteParams(p)
	if err != nil {
		t.Fatal(err)
	}
	q, err := ReadParams(text)
	if err != nil {
		t.Fatalf("%v in\n%.400s", err, text)
	}
	return q, text
}

// The shipped model was rounded to the same digits, so nothing of it may be lost.
func TestShippedModelSurvivesWriting(t *testing.T) {
	p := DefaultParams()
	q, text := rewritten(t, p)
	if !reflect.DeepEqual(p, q) {
		t.Error("what is read back is another model")
	}
	if len(text) > len(defaultModel) {
		t.Errorf("%d bytes, but the shipped file has %d", len(text), len(defaultModel))
	}
	if _, again := rewritten(t, q); !bytes.Equal(text, again) {
		t.Error("writing what was read back gives other bytes")
	}
}

func TestUnfittedModelSurvivesWriting(t *testing.T) {
	p := PhysicsParams() // no trees, no calibration
	q, text := rewritten(t, p)
	if _, again := rewritten(t, q); !bytes.Equal(text, again) {
		t.Error("writing what was read back gives other bytes")
	}
	if bytes.Contains(text, []byte("boost")) || len(q.Boost.Trees) > 0 || len(q.Terms) != len(p.Terms) {
		t.Errorf("%.300s", text)
	}
}

// Rounding is to significant digits, and moves a value by no more than half of the last.
func TestWritingRounds(t *testing.T) {
	p := DefaultParams()
	name := TermNames()[0]
	c := p.Terms[name]
	c.Values = append([]float64(nil), c.Values...)
	c.Values[0], c.Values[1] = 1.23456789, -0.000123456789
	p.Terms[name] = c
	p.Classes[""] = [2]float64{-7.20149, 12345.6}
	p.Boost.Trees = []models.Tree{
		{{Feature: 3, Left: 1, Right: 2, Missing: true, Threshold: 1.23456789, Value: 0.5}, {Value: -1.23456789e-7}, {Value: 3}},
	}
	q, _ := rewritten(t, p)
	near := func(what string, got, want, digits float64) {
		if math.Abs(got/want-1) > 0.5*math.Pow(10, 1-digits)+1e-7 || got == want {
			t.Errorf("%s is %v of %v", what, got, want)
		}
	}
	near("value", q.Terms[name].Values[0], 1.23456789, curveDigits)
	near("small value", q.Terms[name].Values[1], -0.000123456789, curveDigits)
	near("prior", q.Classes[""][1], 12345.6, curveDigits)
	tree := q.Boost.Trees[0]
	near("leaf", float64(tree[1].Value), -1.23456789e-7, leafDigits)
	near("threshold", float64(tree[0].Threshold), 1.23456789, thresholdDigits)
	if !tree[0].Missing || tree[0].Left != 1 || tree[0].Right != 2 || tree[0].Feature != 3 || tree[2].Value != 3 {
		t.Errorf("tree %+v", tree)
	}
}

func TestWritingNamesAreQuoted(t *testing.T) {
	p := PhysicsParams()
	p.Version = "a \"b\" \\ \n"
	p.Classes[flatwatt.Class(`x"y`)] = [2]float64{1, 2}
	q, _ := rewritten(t, p)
	if q.Version != p.Version || q.Classes[`x"y`] != [2]float64{1, 2} {
		t.Errorf("read back %q %v", q.Version, q.Classes)
	}
}

func TestWritingRefusesABrokenModel(t *testing.T) {
	p := PhysicsParams()
	p.Version = ""
	if _, err := WriteParams(p); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("error %v", err)
	}
}
