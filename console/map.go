package console

import (
	"cmp"
	"html/template"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/flatwatt/flatwatt"
)

// mapPage is the meters with coordinates, drawn without any map from elsewhere.
type mapPage struct {
	Places  []place       `json:"places"`
	Unknown int           `json:"without_coordinates"` // meters that the map cannot show
	Box     [4]float64    `json:"box"`                 // west, south, east, north
	Zoomed  bool          `json:"-"`
	All     bool          `json:"-"`
	SVG     template.HTML `json:"-"`
}

// place is one meter, or many that lie together.
type place struct {
	ID       string  `json:"id,omitempty"` // "" for many
	Lon      float64 `json:"longitude"`
	Lat      float64 `json:"latitude"`
	State    string  `json:"state,omitempty"`
	Count    int     `json:"count"`
	Suspects int     `json:"suspects"`
	BlockKW  float64 `json:"block_kw"` // of the suspects
	box      [4]float64
}

const (
	mapWidth, mapHeight = 960, 600
	mapMargin           = 40
	mapCells            = 40  // across; meters in one cell are drawn as one
	mapSingles          = 400 // up to so many meters are drawn one by one
)

// coordinates are the columns latitude and longitude (or lat, lon) of the register.
func coordinates(m flatwatt.Meter) (lon, lat float64, ok bool) {
	lat, err1 := strconv.ParseFloat(cmp.Or(m.Extra["latitude"], m.Extra["lat"]), 64)
	lon, err2 := strconv.ParseFloat(cmp.Or(m.Extra["longitude"], m.Extra["lon"]), 64)
	return lon, lat, err1 == nil && err2 == nil && math.Abs(lat) <= 90 && math.Abs(lon) <= 180
}

func mapView(c *call) (any, error) {
	p := mapPage{All: c.bool("all"), Places: []place{}}
	box, zoomed, err := parseBox(c.text("box"))
	if err != nil {
		return nil, err
	}
	var points []place
	for _, f := range c.Board.Findings() {
		if !c.who.Sees(f.Area) || f.Score.Detector == "cluster" {
			continue
		}
		suspect := f.Score.State == flatwatt.Suspect
		lon, lat, ok := coordinates(f.Meter)
		if !ok {
			p.Unknown++
		}
		if !ok || !suspect && !p.All || zoomed && (lon < box[0] || lon > box[2] || lat < box[1] || lat > box[3]) {
			continue
		}
		one := place{ID: string(f.Meter.ID), Lon: lon, Lat: lat, State: string(f.Score.State), Count: 1, Suspects: btoi(suspect)}
		if kw := number(f.Score.Block.Value); suspect && kw != nil {
			one.BlockKW = *kw
		}
		points = append(points, one)
	}
	if p.Zoomed = zoomed; !zoomed {
		box = around(points)
	}
	p.Box = box
	p.Places = append(p.Places, gather(points, box)...)
	p.SVG = p.draw(c)
	return p, nil
}

func parseBox(text string) (box [4]float64, ok bool, err error) {
	if text == "" {
		return box, false, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) != 4 {
		return box, false, badRequest("box: want west,south,east,north")
	}
	for i, part := range parts {
		if box[i], err = strconv.ParseFloat(part, 64); err != nil || math.Abs(box[i]) > 180 {
			return box, false, badRequest("box: %q is no degrees", part)
		}
	}
	if box[0] >= box[2] || box[1] >= box[3] {
		return box, false, badRequest("box: west must be below east, south below north")
	}
	return box, true, nil
}

// around is the box of all points with a margin.
func around(points []place) [4]float64 {
	if len(points) == 0 {
		return [4]float64{73, 18, 135, 54} // China
	}
	b := [4]float64{180, 90, -180, -90}
	for _, p := range points {
		b = [4]float64{min(b[0], p.Lon), min(b[1], p.Lat), max(b[2], p.Lon), max(b[3], p.Lat)}
	}
	dx, dy := max(.02, (b[2]-b[0])*.05), max(.02, (b[3]-b[1])*.05)
	return [4]float64{b[0] - dx, b[1] - dy, b[2] + dx, b[3] + dy}
}

// gather puts points into cells where there are too many to draw each.
func gather(points []place, box [4]float64) []place {
	if len(points) <= mapSingles {
		return points
	}
	w := (box[2] - box[0]) / mapCells
	cells := map[[2]int]*place{}
	var keys [][2]int
	for _, p := range points {
		key := [2]int{int((p.Lon - box[0]) / w), int((p.Lat - box[1]) / w)}
		cell := cells[key]
		if cell == nil {
			west, south := box[0]+float64(key[0])*w, box[1]+float64(key[1])*w
			cell = &place{Lon: west + w/2, Lat: south + w/2, box: [4]float64{west, south, west + w, south + w}}
			cells[key] = cell
			keys = append(keys, key)
		}
		cell.Count++
		cell.Suspects += p.Suspects
		cell.BlockKW += p.BlockKW
		cell.ID = map[bool]string{true: p.ID}[cell.Count == 1]
		cell.State = map[bool]string{true: p.State}[cell.Count == 1]
	}
	slices.SortFunc(keys, func(a, b [2]int) int { return cmp.Or(a[1]-b[1], a[0]-b[0]) })
	var list []place
	for _, key := range keys {
		list = append(list, *cells[key])
	}
	return list
}

// draw is the map as SVG: degrees stretched by the latitude, a grid, and a mark a place.
func (p mapPage) draw(call *call) template.HTML {
	mid := (p.Box[1] + p.Box[3]) / 2 * math.Pi / 180
	wide, high := (p.Box[2]-p.Box[0])*math.Cos(mid), p.Box[3]-p.Box[1]
	scale := min((mapWidth-2*mapMargin)/wide, (mapHeight-2*mapMargin)/high) // pixels a degree of latitude
	x := func(lon float64) float64 {
		return mapWidth/2 + (lon-(p.Box[0]+p.Box[2])/2)*math.Cos(mid)*scale
	}
	y := func(lat float64) float64 { return mapHeight/2 - (lat-(p.Box[1]+p.Box[3])/2)*scale }
	c := &canvas{}
	c.printf(`<svg class="map" viewBox="0 0 %d %d" role="group" aria-label="%s">`, mapWidth, mapHeight, template.HTMLEscapeString(call.t("map.label")))
	step := niceStep(high / 6)
	for v := math.Ceil(p.Box[1]/step) * step; v <= p.Box[3]; v += step {
		c.printf(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="tick" x="4" y="%.1f">%s°</text>`, mapMargin, mapWidth-mapMargin, y(v), y(v), y(v)+4, trim(v))
	}
	for v := math.Ceil(p.Box[0]/step) * step; v <= p.Box[2]; v += step {
		c.printf(`<line class="grid" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="tick" x="%.1f" y="%d" text-anchor="middle">%s°</text>`, x(v), x(v), mapMargin, mapHeight-mapMargin, x(v), mapHeight-12, trim(v))
	}
	for _, one := range p.Places {
		title, href := call.t("map.meter", one.ID, call.t("state."+one.State)), "/meters/"+url.PathEscape(one.ID)
		if one.ID == "" {
			b := one.box
			title = call.t("map.cell", one.Count, one.Suspects)
			href = "/map?all=" + strconv.FormatBool(p.All) + "&box=" + degrees(b[0]) + "," + degrees(b[1]) + "," + degrees(b[2]) + "," + degrees(b[3])
		}
		class := "quiet"
		if one.Suspects > 0 {
			class = "loud"
		}
		c.printf(`<a href="%s" aria-label="%s"><title>%s</title>`, template.HTMLEscapeString(href), template.HTMLEscapeString(title), template.HTMLEscapeString(title))
		r := 4 + 2*math.Sqrt(one.BlockKW)
		if class == "quiet" {
			c.printf(`<circle class="%s" cx="%.1f" cy="%.1f" r="%.1f"/></a>`, class, x(one.Lon), y(one.Lat), min(12, 3+math.Sqrt(float64(one.Count))))
			continue
		}
		r = min(r, 26)
		c.printf(`<path class="%s" d="M%.1f %.1fl%.1f %.1fh%.1fZ"/></a>`, class, x(one.Lon), y(one.Lat)-r, r, r*1.7, -2*r)
	}
	c.WriteString(`</svg>`)
	return template.HTML(c.String())
}

func degrees(v float64) string { return strconv.FormatFloat(v, 'f', 5, 64) }
