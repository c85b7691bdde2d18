package models

import "math"

// A Half is a number of 16 bits: IEEE 754 binary16, 11 significant bits (0.05 %), up to
// 65,504; what is larger becomes that. It is for what is kept of every meter and many days.
type Half uint16

// HalfNaN is the unknown Half.
const HalfNaN Half = 0x7e00

const halfMax = 65504

// ToHalf is the Half nearest to x; NaN stays NaN.
func ToHalf(x float64) Half {
	if x != x {
		return HalfNaN
	}
	var sign Half
	if math.Signbit(x) {
		sign, x = 0x8000, -x
	}
	if x >= halfMax {
		return sign | 0x7bff
	}
	if x < 0x1p-14 { // subnormal: steps of 2⁻²⁴
		return sign | Half(math.RoundToEven(x*0x1p24))
	}
	b := math.Float32bits(float32(x))
	b += 0xfff + b>>13&1 // round to even; a carry moves on to the exponent
	if h := (b - 112<<23) >> 13; h < 0x7c00 {
		return sign | Half(h)
	}
	return sign | 0x7bff
}

// Float is h as a float64.
func (h Half) Float() float64 {
	exp, frac := uint32(h>>10&0x1f), uint32(h&0x3ff)
	var x float64
	switch exp {
	case 0:
		x = float64(frac) * 0x1p-24
	case 0x1f:
		return math.NaN()
	default:
		x = float64(math.Float32frombits((exp+112)<<23 | frac<<13))
	}
	if h&0x8000 != 0 {
		return -x
	}
	return x
}
