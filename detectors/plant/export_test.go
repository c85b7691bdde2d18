package plant

// JudgeEvery has plants judged on every n-th day only, which stands for the days between.
func (s *Scorer) JudgeEvery(n int) { s.every = int32(n) }
