package simulate

// A unit is one model of mining machine at stock settings.
type unit struct {
	name   string
	kW     float64 // at the wall, 25 °C inlet
	weight float64 // how often it is met hidden in a customer's premises; assumption
	beta   float64 // relative power per °C of inlet temperature
}

// units are wall powers as published by makers and resellers; see docs/simulate.md for
// each source. Weights and the temperature slopes of the older models are assumptions.
var units = []unit{
	{"Antminer S9", 1.36, 14, .0010},
	{"Antminer S17", 2.52, 5, .0016},
	{"Antminer S19", 3.25, 12, .0028},
	{"Antminer S19 Pro", 3.25, 8, .0028},
	{"Antminer S19j Pro", 3.06, 16, .0028},
	{"Antminer S19 86T", 2.97, 4, .0028},
	{"Antminer S19 XP", 3.01, 4, .0026},
	{"Antminer S21", 3.50, 5, .0020},
	{"Antminer S21 XP", 3.65, 2, .0020},
	{"Antminer T21", 3.50, 3, .0034},
	{"Whatsminer M21S", 3.36, 6, .0018},
	{"Whatsminer M30S", 3.40, 10, .0020},
	{"Whatsminer M50", 3.28, 4, .0020},
	{"Avalon A1246", 3.40, 3, .0018},
	{"Antminer L7", 3.43, 3, .0022},
	{"IceRiver KS3", 3.35, 1, .0020},
	{"Antminer E9", 2.00, 1, .0020},
	{"GPU rig", 1.10, 6, .0015},
	{"home unit", .80, 1, .0012},
}

// nameplateTolerance is ±5 % for a model and a batch; unitSigma the spread of units in it.
const (
	nameplateTolerance = .05
	unitSigma          = .025
)
