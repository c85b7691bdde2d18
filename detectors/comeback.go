package detectors

// comeBackShare is the share of a rise that must lie above all that was before.
const comeBackShare = 0.2

// comeBack takes a step and a rise of the rest for none where they only bring the place back
// to the height of its floor before an absence: after a holiday everything rises at once and
// for good. A running episode says the same by its novelty.
func (j *judgement) comeBack() {
	if j.hasBlock() {
		return
	}
	peak := float64(j.c.peak)
	if s := &j.step; s.ok && s.baseline+s.block-peak < comeBackShare*s.block {
		s.ok = false
	}
	if r := &j.rest; r.ok && r.level+r.rise-peak < comeBackShare*r.rise {
		r.ok = false
	}
}
