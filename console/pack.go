package console

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"time"

	"github.com/flatwatt/flatwatt/casework"
)

// packPage is the evidence pack of a meter for an inspection: what scoring says, made for
// print, with the SHA-256 of the file that holds the same for programs.
type packPage struct {
	SHA256 string    `json:"sha256"` // of the file under /api/meters/{id}/pack.json
	Bytes  int       `json:"bytes"`
	Pack   meterPage `json:"pack"`
	AsOf   time.Time `json:"as_of"` // end of the last day that was scored
}

func packView(c *call) (any, error) {
	p, body, err := c.pack()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	return packPage{SHA256: hex.EncodeToString(sum[:]), Bytes: len(body), Pack: p, AsOf: c.Board.Status().AsOf.UTC()}, nil
}

// pack is the page of a meter and the bytes of its file. The same scores, readings and
// cases always give the same bytes: no time of printing is in them.
func (c *call) pack() (p meterPage, body []byte, err error) {
	f, err := c.find(c.path("id"))
	if err != nil {
		return p, nil, err
	}
	if p, err = c.meterPage(f); err != nil {
		return p, nil, err
	}
	load, _ := c.Board.Load(f.Meter.ID)
	body, err = json.MarshalIndent(struct {
		Format string    `json:"format"`
		Lang   string    `json:"language"`
		AsOf   time.Time `json:"as_of"`
		Meter  meterPage `json:"meter"`
		Plot   plotData  `json:"load"`
	}{"flatwatt evidence pack 1", c.lang, c.Board.Status().AsOf.UTC(), p, newPlotData(load, f)}, "", " ")
	return p, append(body, '\n'), err
}

// packFile sends the file whose digest the printed pack carries.
func (s *Server) packFile(w http.ResponseWriter, r *http.Request) {
	c := s.newCall(r)
	_, body, err := c.pack()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", attachment("pack-"+c.path("id")+".json"))
	_, _ = w.Write(body) // the reader has gone if this fails
}

// caseFinding is what a case keeps of a score.
func caseFinding(f Finding) casework.Finding {
	s := f.Score
	out := casework.Finding{
		Day: s.Day.String(), Model: s.Model, Probability: number(s.Probability), BlockKW: number(s.Block.Value),
		BlockLowKW: number(s.Block.Low), BlockHighKW: number(s.Block.High), EnergyKWh: number(s.Energy.Value), Reason: f.Reason,
	}
	if !s.Onset.At.IsZero() {
		out.Onset = in(s.Onset.At, f.Meter.Zone).Format(time.RFC3339) // its date is the meter's civil one, which the ledger takes
	}
	return out
}
