package main

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/flatwatt/flatwatt"
	"github.com/flatwatt/flatwatt/casework/ledger"
	"github.com/flatwatt/flatwatt/detectors"
	"github.com/flatwatt/flatwatt/detectors/plant"
	"github.com/flatwatt/flatwatt/simulate"
	"github.com/flatwatt/flatwatt/streams"
)

// What stands beside the demo's district: power plants on two rivers, and large flat loads.
// Their shares are higher than anybody's, so that each page has something to show.
const (
	demoPlants      = 12
	demoCascade     = 6
	demoDirectShare = 0.25
	demoHalls       = 8
	demoFarmShare   = 0.4
)

// drawnFleet is a simulated fleet in memory: a district, which is what the demo replays and
// prints, and beside it plants and halls, which are scored by themselves so that the
// district's meters have the peers that they have without them.
type drawnFleet struct {
	drawn
	weather flatwatt.Weather
	beside  drawn
	aside   aside     // of the plants
	first   time.Time // start of the first day
	days    int
}

// drawn are meters with what they recorded and what is true of them.
type drawn struct {
	meters []flatwatt.Meter
	series []flatwatt.Series
	truth  []flatwatt.Truth
}

// all is the district and what is beside it.
func (f *drawnFleet) all() drawn {
	return drawn{slices.Concat(f.meters, f.beside.meters), slices.Concat(f.series, f.beside.series), slices.Concat(f.truth, f.beside.truth)}
}

// end is the end of the last day.
func (f *drawnFleet) end() time.Time { return f.first.In(shanghai()).AddDate(0, 0, f.days) }

// demoConfig is a well-metered district: every meter has a reactive register and records
// voltage, no miner is wired before its meter or gone again, and one honest customer in
// twenty-five changes for good. The default fleet of simulate is harder: it is for measuring.
func demoConfig(flags fleetFlags) simulate.Config {
	cfg := simulate.DefaultConfig()
	cfg.Seed, cfg.Meters, cfg.Days = flags.seed, flags.meters, flags.days
	cfg.Grid.Meters = true
	cfg.Metering.ReactiveShare, cfg.Metering.VoltageShare = 1, 1
	cfg.Misregistered = 0
	cfg.Changes.Share = demoChangeShare
	cfg.Miners.Share, cfg.Miners.BypassShare, cfg.Miners.VanishShare, cfg.Miners.InspectShare = demoMinerShare, 0, 0, 0
	return cfg
}

func (p *Program) drawFleet(ctx context.Context, flags fleetFlags) (*drawnFleet, error) {
	cfg := demoConfig(flags)
	g, err := simulate.New(cfg)
	if err != nil {
		return nil, usageError{err}
	}
	bar := p.progress("simulate", "meters", int64(len(g.Meters())))
	f := &drawnFleet{drawn: drawn{meters: g.Meters()}, weather: g.Weather(), days: cfg.Days}
	for s, t := range g.All(ctx) {
		f.series, f.truth = append(f.series, s), append(f.truth, t)
		bar.at(int64(len(f.series)))
	}
	bar.end("%d meters, %d days, seed %d", len(f.series), cfg.Days, cfg.Seed)
	if f.first, err = time.ParseInLocation(time.DateOnly, cfg.Start, shanghai()); err != nil {
		return nil, err
	}
	if err := f.addPlants(cfg); err != nil {
		return nil, err
	}
	if err := f.addHalls(cfg); err != nil {
		return nil, err
	}
	register(f.meters, cfg.Regions)
	register(f.beside.meters, cfg.Regions)
	return f, ctx.Err()
}

// addPlants draws power plants over a year that ends with the district's days: a plant is
// compared with its neighbours over the seasons.
func (f *drawnFleet) addPlants(of simulate.Config) error {
	cfg := simulate.DefaultPlantConfig()
	cfg.Days = max(cfg.Days, of.Days)
	cfg.Seed, cfg.Start, cfg.Zone = of.Seed, f.end().AddDate(0, 0, -cfg.Days).Format(time.DateOnly), of.Zone
	cfg.Plants, cfg.PerCascade, cfg.WindShare, cfg.SolarShare, cfg.DirectShare, cfg.DayZeroShare = demoPlants, demoCascade, 0, 0, demoDirectShare, 0
	plants, err := simulate.NewPlants(cfg)
	if err != nil {
		return err
	}
	f.beside.add(plants.Meters(), plants.Series)
	rows := demoWater{}
	for _, r := range plants.Inflow() {
		rows[r.Region] = append(rows[r.Region], r)
	}
	f.aside.water = rows
	for i := range plants.Meters() {
		for _, e := range plants.Events(i) {
			f.aside.events = append(f.aside.events, plant.Event{Meter: e.Meter, Start: e.Start, End: e.End, Kind: e.Kind})
		}
	}
	return nil
}

// addHalls draws large flat loads over the same days.
func (f *drawnFleet) addHalls(of simulate.Config) error {
	cfg := simulate.DefaultHallConfig()
	cfg.Seed, cfg.Days, cfg.Start, cfg.Zone, cfg.IntervalMinutes = of.Seed, of.Days, of.Start, of.Zone, of.IntervalMinutes
	cfg.Halls, cfg.FarmShare = demoHalls, demoFarmShare
	halls, err := simulate.NewHalls(cfg)
	if err != nil {
		return err
	}
	f.beside.add(halls.Meters(), halls.Series)
	return nil
}

func (d *drawn) add(meters []flatwatt.Meter, of func(int) (flatwatt.Series, flatwatt.Truth)) {
	for i := range meters {
		s, t := of(i)
		d.series, d.truth = append(d.series, s), append(d.truth, t)
	}
	d.meters = append(d.meters, meters...)
}

// demoWater is the gauged inflow of rivers, a row a day.
type demoWater map[string][]simulate.InflowRow

// InflowRel implements plant.Water.
func (w demoWater) InflowRel(region string, t time.Time) (inflow, turbine float64, ok bool) {
	for _, r := range slices.Backward(w[region]) {
		if age := t.Sub(r.Start); age >= 0 {
			return r.Rel, math.NaN(), age < 8*24*time.Hour
		}
	}
	return 0, 0, false
}

func (d drawn) loads() seriesLoads {
	l := seriesLoads{}
	for k := range d.series {
		l[d.series[k].Meter] = &d.series[k]
	}
	return l
}

// scoreBeside scores plants and halls into sink and board.
func (p *Program) scoreBeside(ctx context.Context, model *detectors.Params, f *drawnFleet, sink flatwatt.Sink, b *board) error {
	scorer, err := newScorer(model, f.beside.meters, f.beside.meters, f.weather, f.aside)
	if err != nil {
		return err
	}
	line := streams.Pipeline{
		Open: func(context.Context, flatwatt.Position) (flatwatt.Source, error) {
			return newRecordedSource(f.beside.series, parents(f.beside.meters)), nil
		},
		Scorer: scorer, Sink: teeSink{sink, b}, Rejects: noRejects{}, Checkpoints: noCheckpoints{},
		SaveEvery: int(count(f.beside.series)) + 1, // never: nothing resumes the demo
	}
	return line.Run(ctx)
}

// A demoPlace is where a region of the simulator lies, as areas and addresses name it.
type demoPlace struct{ area, town string }

var demoPlaces = map[string]demoPlace{
	"ordos": {"neimenggu/ordos", "鄂尔多斯市"}, "leshan": {"sichuan/leshan", "乐山市"}, "nantong": {"jiangsu/nantong", "南通市"},
}

// register gives every meter what a utility's register has beside the electrical: area,
// account, customer, address and coordinates. All of it follows from the meter's name.
func register(meters []flatwatt.Meter, regions []simulate.Region) {
	feeders := parentsOf(meters)
	for i := range meters {
		m := &meters[i]
		region, ok := demoRegion(regions, m.Region)
		if !ok { // a river: in the mountains of the second region
			region = regions[min(1, len(regions)-1)]
		}
		place := demoPlaces[region.Name]
		extra := maps.Clone(m.Extra)
		if extra == nil {
			extra = map[string]string{}
		}
		site := cmp.Or(string(feeders[m.ID]), string(m.ID), "site")
		lat := region.Latitude + .16*part(site, "lat") + .012*part(string(m.ID), "lat")
		lon := region.Longitude + .2*part(site, "lon") + .015*part(string(m.ID), "lon")
		extra["area"], extra["latitude"], extra["longitude"] = place.area, strconv.FormatFloat(lat, 'f', 5, 64), strconv.FormatFloat(lon, 'f', 5, 64)
		if m.Kind == flatwatt.Customer || m.Kind == flatwatt.Generator {
			n := numberOf(string(m.ID), "account")
			extra["account"] = fmt.Sprintf("51%08d", n%100_000_000)
			extra["customer"] = demoCustomer(m)
			extra["address"] = fmt.Sprintf("%s%s%d 号", place.town, pick(demoStreets, site), 1+n%180)
		}
		m.Extra = extra
	}
}

func demoRegion(list []simulate.Region, name string) (simulate.Region, bool) {
	i := slices.IndexFunc(list, func(r simulate.Region) bool { return r.Name == name })
	if i < 0 {
		return simulate.Region{}, false
	}
	return list[i], true
}

// parentsOf is the topmost grid meter above each meter: its feeder.
func parentsOf(meters []flatwatt.Meter) map[flatwatt.MeterID]flatwatt.MeterID {
	above, top := registerOf(meters), map[flatwatt.MeterID]flatwatt.MeterID{}
	for _, m := range meters {
		at := m
		for up, ok := above[at.Parent]; ok; up, ok = above[at.Parent] {
			at = up
		}
		top[m.ID] = at.ID
	}
	return top
}

var (
	demoStreets  = []string{"人民路", "建设路", "滨河路", "工业大道", "青年路", "解放街", "创业路", "凤凰路"}
	demoSurnames = []string{"王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴"}
	demoGiven    = []string{"芳", "伟", "敏", "静", "磊", "洋", "艳", "勇", "军", "娟"}
	demoWords    = []string{"恒远", "新达", "瑞丰", "金桥", "华创", "宏业", "长青", "云峰", "天成", "永兴"}
)

// demoCustomer is a made-up customer of the meter's class.
func demoCustomer(m *flatwatt.Meter) string {
	id := string(m.ID)
	kind, firm := map[flatwatt.Class]string{
		"commercial": "商贸有限公司", "industrial": "机械制造有限公司", "farming": "农业合作社", "agricultural": "农业合作社",
		"data_centre": "数据服务有限公司", "datacentre": "数据服务有限公司", "telecom": "通信有限公司", "hydro": "水电站",
	}[m.Class]
	if !firm && m.Class != "residential" {
		kind, firm = "有限公司", true
	}
	if firm {
		return pick(demoWords, id+"a") + pick(demoWords, id+"b") + kind
	}
	return pick(demoSurnames, id) + pick(demoGiven, id+"g")
}

// demoCode is a made-up unified social credit code with the right check character.
func demoCode(id string) string {
	stem := fmt.Sprintf("91%015d", numberOf(id, "code"))
	for _, c := range "0123456789ABCDEFGHJKLMNPQRTUWXY" {
		if code := stem + string(c); ledger.CheckCode(code) == nil {
			return code
		}
	}
	return ""
}

// numberOf is a number that follows from a name and a purpose.
func numberOf(name, purpose string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(purpose + "\x00" + name)) // never fails
	return h.Sum32()
}

// part is numberOf in [-1, 1].
func part(name, purpose string) float64 { return 2*float64(numberOf(name, purpose))/math.MaxUint32 - 1 }

func pick(list []string, name string) string { return list[numberOf(name, "pick")%uint32(len(list))] }
