package file

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sort"
	"time"

	"github.com/flatwatt/flatwatt"
)

// maxWeatherAge is how far a temperature may be off in time and still count.
const maxWeatherAge = 3 * time.Hour

// A WeatherRow is one line of weather.csv.
type WeatherRow struct {
	Region      string
	Start       time.Time
	Temperature float64 // °C
}

// weather is the outdoor temperature by region, each sorted by time.
type weather struct{ regions map[string]*climate }

type climate struct {
	at   []int64 // Unix seconds, strictly increasing
	temp []float32
}

// Weather is what weather.csv says; nil (an untyped nil, comparable) without the file.
// It interpolates linearly between the two temperatures around an instant if both are
// within three hours of it, and takes the one that is otherwise.
func (f *Fleet) Weather() flatwatt.Weather {
	if f.weather == nil {
		return nil
	}
	return f.weather
}

// TemperatureC implements flatwatt.Weather.
func (w *weather) TemperatureC(region string, t time.Time) (float64, bool) {
	c := w.regions[region]
	if c == nil {
		return 0, false
	}
	at, i := t.Unix(), 0
	if i = c.find(at); i < 0 { // before the first
		return float64(c.temp[0]), c.at[0]-at <= int64(maxWeatherAge/time.Second)
	}
	limit := int64(maxWeatherAge / time.Second)
	left := at - c.at[i]
	if i+1 == len(c.at) || c.at[i+1]-at > limit {
		return float64(c.temp[i]), left <= limit
	}
	if left > limit {
		return float64(c.temp[i+1]), true
	}
	share := float64(left) / float64(c.at[i+1]-c.at[i])
	return float64(c.temp[i])*(1-share) + float64(c.temp[i+1])*share, true
}

// find is the last i with c.at[i] ≤ at, or −1. Nearly all weather is hourly without gaps,
// so it is tried where it would then be before it is searched for.
func (c *climate) find(at int64) int {
	if at < c.at[0] {
		return -1
	}
	if g := int((at - c.at[0]) / 3600); g < len(c.at) && c.at[g] <= at && (g+1 == len(c.at) || at < c.at[g+1]) {
		return g
	}
	return sort.Search(len(c.at), func(i int) bool { return c.at[i] > at }) - 1
}

// WeatherRows are all temperatures, by region and time, as WriteFleet wants them.
func (f *Fleet) WeatherRows() []WeatherRow {
	if f.weather == nil {
		return nil
	}
	var names []string
	for r := range f.weather.regions {
		names = append(names, r)
	}
	slices.Sort(names)
	var rows []WeatherRow
	for _, r := range names {
		c := f.weather.regions[r]
		for i, at := range c.at {
			rows = append(rows, WeatherRow{r, time.Unix(at, 0).UTC(), widen(c.temp[i])})
		}
	}
	return rows
}

func (f *Fleet) readWeather() error {
	t, err := openTable(filepath.Join(f.dir, "weather.csv"), &f.rejects)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer t.close()
	if err := t.readHeader("region", "start", "temperature_c"); err != nil {
		return err
	}
	f.weather = &weather{regions: map[string]*climate{}}
	for t.next() {
		f.weather.addRow(t)
	}
	for _, c := range f.weather.regions {
		c.sort()
	}
	return nil
}

// addRow takes the current row. Temperatures beyond −90 and 60 °C do not occur on Earth.
func (w *weather) addRow(t *table) {
	region, start := t.get("region"), t.get("start")
	if region == "" {
		t.reject("no region", "region", "is empty: name the region as in meters.csv")
		return
	}
	at, ok := parseTime([]byte(start))
	if !ok {
		t.reject("bad time", "start", badTime(start))
		return
	}
	if t.get("temperature_c") == "" {
		return // known to be unknown
	}
	v, ok := t.number("temperature_c", 0)
	if !ok {
		return
	}
	if v < -90 || v > 60 {
		t.reject("bad number", "temperature_c", fmt.Sprintf("%v °C is not an outdoor temperature: is it in Fahrenheit or Kelvin?", v))
		return
	}
	c := w.regions[region]
	if c == nil {
		c = &climate{}
		w.regions[region] = c
	}
	c.at = append(c.at, at)
	c.temp = append(c.temp, float32(v))
}

func badTime(s string) string {
	return fmt.Sprintf("%q is not an RFC 3339 time with a zone: write it like 2026-01-31T23:45:00Z", s)
}

// sort orders by time; of several temperatures for one instant the last one delivered
// stays.
func (c *climate) sort() {
	order := make([]int, len(c.at))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(c.at[a], c.at[b]) })
	at, temp := make([]int64, 0, len(order)), make([]float32, 0, len(order))
	for _, i := range order {
		if n := len(at); n > 0 && at[n-1] == c.at[i] {
			temp[n-1] = c.temp[i]
			continue
		}
		at, temp = append(at, c.at[i]), append(temp, c.temp[i])
	}
	c.at, c.temp = at, temp
}
