package detectors

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

// memoryOf is a copy of a meter's memory in a fleet of one time zone.
func (f *Fleet) memoryOf(i int) *customer {
	list := make([]customer, min(chunkMeters, len(f.register.ids)-i/chunkMeters*chunkMeters))
	f.zones[0].packed[i/chunkMeters].load(list)
	return &list[i%chunkMeters]
}

// Whatever words a memory has, unpacking gives them back, and what is cut off or too long
// is refused.
func TestPackingIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	for n := range 200 {
		list, back := make([]customer, 1+n%chunkMeters), make([]customer, 1+n%chunkMeters)
		for i := range list {
			for k, w := 0, list[i].words(); k < len(w); k++ {
				if rng.IntN(200) < n {
					w[k] = rng.Uint32()
				}
			}
		}
		var k chunk
		buf := k.store(list, nil)
		if !k.load(back) {
			t.Fatal("refused what was packed")
		}
		for i := range list {
			if !bytes.Equal(asBytes(list[i].words()), asBytes(back[i].words())) {
				t.Fatalf("memory %d of %d differs", i, len(list))
			}
		}
		if k[:rng.IntN(len(k)-1)+1].load(back) || append(k, 0).load(back) {
			t.Fatal("took a chunk that is cut off, or too long")
		}
		if again := k.store(back, buf); !bytes.Equal(again, k) || len(list) == 1 && len(again) == 0 {
			t.Fatal("equal memories give other bytes")
		}
	}
}

// An empty chunk is of meters of which nothing is remembered, whoever was unpacked before.
func TestPackingOfNothingForgets(t *testing.T) {
	list := make([]customer, 3)
	for i := range list {
		for k := range list[i].words() {
			list[i].words()[k] = 7
		}
	}
	if !chunk(nil).load(list) {
		t.Fatal("refused")
	}
	for i := range list {
		if list[i] != (customer{}) {
			t.Errorf("memory %d is that of another meter", i)
		}
	}
}

// Heads that name blocks or words which a memory does not have are refused.
func TestPackingRefusesWhatNoMemoryHas(t *testing.T) {
	le := binary.LittleEndian
	lastBlock := (blocks - 1) * blockWords
	if customerWords == blocks*blockWords {
		t.Skip("the last block is full: no mask is beyond it")
	}
	beyond := uint32(1) << (customerWords - lastBlock)
	for name, words := range map[string][]uint32{
		"a block too many":                  {1 << blocks},
		"a block too many with a word":      {1 << blocks, 1, 5},
		"a word too many":                   {1 << (blocks - 1), beyond, 5},
		"a word too many beside a good one": {1 << (blocks - 1), beyond | 1, 5, 6},
	} {
		var k chunk
		for _, w := range words {
			k = le.AppendUint32(k, w)
		}
		if k.load(make([]customer, 1)) {
			t.Errorf("%s: taken", name)
		}
	}
}

func asBytes(w []uint32) (b []byte) {
	for _, v := range w {
		b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
	}
	return b
}

// A meter without reactive power or an episode keeps less than three quarters of its memory's words.
func TestAQuietMeterIsSmall(t *testing.T) {
	f := newTestFleet(t, "a")
	f.Close(f.Score(nil, home("a", march, 60, 1, func(time.Time) float64 { return 0 })))
	if n := len(f.zones[0].packed[0]); n > 3*customerWords || n < 400 {
		t.Errorf("%d bytes packed of %d", n, 4*customerWords)
	}
}

// A checkpoint of the layout before this one, written by the program of that time, is
// refused and says what to do.
func TestTheOlderLayoutIsRefused(t *testing.T) {
	old, err := os.ReadFile("testdata/layout-before-packing.bin")
	if err != nil {
		t.Fatal(err)
	}
	renamed, err := newTestFleet(t, "a").AppendBinary(nil) // of the same size, by another name
	if err != nil {
		t.Fatal(err)
	}
	renamed[0]--
	for name, state := range map[string][]byte{"before packing": old, "of another name": renamed} {
		err = newTestFleet(t, "a").UnmarshalBinary(state)
		if err == nil || !strings.Contains(err.Error(), "start from the archive") || !strings.Contains(err.Error(), "fleet state has layout") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
