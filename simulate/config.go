package simulate

import (
	"time"

	// Zones must resolve on machines without a zone database too.
	_ "time/tzdata"
)

// Config says what fleet to draw. The same Config always gives the same fleet.
// Shares are fractions in [0, 1] unless a comment says "weight".
type Config struct {
	Seed            uint64             `yaml:"seed"`
	Meters          int                `yaml:"meters"`           // customers; grid meters come on top
	Days            int                `yaml:"days"`             // civil days in Zone
	Start           string             `yaml:"start"`            // first civil day, 2006-01-02
	IntervalMinutes int                `yaml:"interval_minutes"` // 5, 15, 30 or 60
	Zone            string             `yaml:"zone"`             // IANA name
	Shares          map[string]float64 `yaml:"shares"`           // weight of each use; see Uses
	Misregistered   float64            `yaml:"misregistered"`    // customers whose declared class is wrong
	PVShare         float64            `yaml:"pv_share"`         // homes, shops, farms and works with panels
	Grid            GridConfig         `yaml:"grid"`
	Metering        MeteringConfig     `yaml:"metering"`
	Miners          MinerConfig        `yaml:"miners"`
	Clusters        ClusterConfig      `yaml:"clusters"`
	Changes         ChangeConfig       `yaml:"changes"`
	Faults          FaultConfig        `yaml:"faults"`
	Regions         []Region           `yaml:"regions"`
}

// GridConfig shapes the tree region → feeder → transformer → customer.
type GridConfig struct {
	Meters                  bool `yaml:"meters"` // also meter transformers and feeders
	CustomersPerTransformer int  `yaml:"customers_per_transformer"`
	TransformersPerFeeder   int  `yaml:"transformers_per_feeder"`
}

// MeteringConfig says what the meters measure and how coarsely.
type MeteringConfig struct {
	ReactiveShare float64 `yaml:"reactive_share"` // meters with a reactive register
	VoltageShare  float64 `yaml:"voltage_share"`  // meters that record voltage
	ResolutionKWh float64 `yaml:"resolution_kwh"` // of the register, before the CT ratio; 0: unrounded
	CTFromKW      float64 `yaml:"ct_from_kw"`     // contracted demand from which a CT is used
}

// MinerConfig says how many miners there are and how they behave.
type MinerConfig struct {
	Share         float64            `yaml:"share"`          // of customers
	DayZeroShare  float64            `yaml:"day_zero_share"` // of miners, older than the data
	BypassShare   float64            `yaml:"bypass_share"`   // of miners, wired before the customer's meter
	StagedShare   float64            `yaml:"staged_share"`   // of miners of 3 units and more, built up over days
	ModeShare     float64            `yaml:"mode_share"`     // of miners that switch power modes
	VanishShare   float64            `yaml:"vanish_share"`   // of miners that end before the data does
	InspectShare  float64            `yaml:"inspect_share"`  // of miners that pause for a few days, as if warned
	ImmersedShare float64            `yaml:"immersed_share"` // of miners cooled by liquid: almost no thermal swing
	MaxUnits      int                `yaml:"max_units"`      // per miner
	Schedules     ScheduleShares     `yaml:"schedules"`      // weights
	HostWeights   map[string]float64 `yaml:"host_weights"`   // weight of each use as a hiding place; 1 where absent
}

// ScheduleShares weighs the hours at which miners run.
type ScheduleShares struct {
	AlwaysOn float64 `yaml:"24x7"`
	Night    float64 `yaml:"night"`
	OffPeak  float64 `yaml:"off_peak"`
	Daytime  float64 `yaml:"daytime"`
}

// ChangeConfig says how often honest use changes for good.
type ChangeConfig struct {
	Share float64 `yaml:"share"` // of customers without a miner
}

// FaultConfig says what goes wrong between the meter and the file.
type FaultConfig struct {
	Missing          float64 `yaml:"missing"`             // of readings, half of them single, half in long gaps
	Stuck            float64 `yaml:"stuck"`               // of meters: register frozen for hours to days, then a catch-up
	Estimated        float64 `yaml:"estimated"`           // of meters: a gap filled with a flat estimate
	Swap             float64 `yaml:"swap"`                // of meters exchanged during the data
	CTChange         float64 `yaml:"ct_change"`           // of CT meters whose ratio is reprogrammed
	ClockOffset      float64 `yaml:"clock_offset"`        // of meters whose clock is wrong by 2–60 minutes
	ZeroFill         float64 `yaml:"zero_fill"`           // of meters whose gaps arrive as zeros
	LateDays         float64 `yaml:"late_days"`           // of meter days delivered 1–5 days late
	Duplicate        float64 `yaml:"duplicate"`           // of meter days delivered twice
	PowerCutsPerYear float64 `yaml:"power_cuts_per_year"` // per transformer
}

// Region is a place with one weather.
type Region struct {
	Name      string  `yaml:"name"`
	Latitude  float64 `yaml:"latitude"`   // degrees north
	Longitude float64 `yaml:"longitude"`  // degrees east; sets solar noon
	MeanC     float64 `yaml:"mean_c"`     // annual mean temperature
	SeasonalC float64 `yaml:"seasonal_c"` // amplitude over the year
	DiurnalC  float64 `yaml:"diurnal_c"`  // amplitude over a clear day
	Weight    float64 `yaml:"weight"`     // of feeders
}

// DefaultConfig is a mixed fleet in three Chinese climates: 2,000 customers, 120
// days of quarter-hours from September, 1.5 % miners, 13 % lasting honest changes.
func DefaultConfig() Config {
	return Config{
		Seed: 1, Meters: 2000, Days: 120, Start: "2025-09-01", IntervalMinutes: 15,
		Zone: "Asia/Shanghai", Shares: defaultShares(), Misregistered: .03, PVShare: .06,
		Grid:     GridConfig{Meters: true, CustomersPerTransformer: 25, TransformersPerFeeder: 8},
		Metering: MeteringConfig{ReactiveShare: .6, VoltageShare: .5, ResolutionKWh: .01, CTFromKW: 50},
		Miners: MinerConfig{
			Share: .015, DayZeroShare: .3, BypassShare: .08, StagedShare: .4, ModeShare: .2,
			VanishShare: .1, InspectShare: .08, ImmersedShare: .05, MaxUnits: 60,
			Schedules:   ScheduleShares{AlwaysOn: .70, Night: .15, OffPeak: .10, Daytime: .05},
			HostWeights: defaultHosts(),
		},
		Clusters: ClusterConfig{Members: 10, Units: 1, OverDays: 5},
		Changes:  ChangeConfig{Share: .13},
		Faults: FaultConfig{
			Missing: .015, Stuck: .01, Estimated: .05, Swap: .01, CTChange: .02, ClockOffset: .02,
			ZeroFill: .01, LateDays: .01, Duplicate: .002, PowerCutsPerYear: 2,
		},
		Regions: []Region{
			{Name: "ordos", Latitude: 39.6, Longitude: 109.8, MeanC: 7.5, SeasonalC: 16, DiurnalC: 6.5, Weight: 1},
			{Name: "leshan", Latitude: 29.6, Longitude: 103.8, MeanC: 17.5, SeasonalC: 9.5, DiurnalC: 3.5, Weight: 1},
			{Name: "nantong", Latitude: 32, Longitude: 120.9, MeanC: 16, SeasonalC: 12, DiurnalC: 4, Weight: 1},
		},
	}
}

func (c *Config) interval() time.Duration { return time.Duration(c.IntervalMinutes) * time.Minute }
