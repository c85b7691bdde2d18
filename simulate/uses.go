package simulate

import "github.com/flatwatt/flatwatt"

// Classes that customers declare. The list is the project's, not a standard's.
const (
	residential flatwatt.Class = "residential"
	commercial  flatwatt.Class = "commercial"
	industrial  flatwatt.Class = "industrial"
	farming     flatwatt.Class = "agricultural"
	telecoms    flatwatt.Class = "telecom"
	dataCentres flatwatt.Class = "datacentre"
	lighting    flatwatt.Class = "street_light"
	water       flatwatt.Class = "pump" // water works and drainage
	cold        flatwatt.Class = "cold_storage"
	charging    flatwatt.Class = "ev_charging"
)

// A use is what a customer really does; its class is what is normally declared.
type use struct {
	name  string
	share float64 // default weight among customers
	class flatwatt.Class
	wrong flatwatt.Class // declared instead when misregistered: the cheaper or older contract
	build func(*builder)
	host  float64    // default weight as a miner's hiding place
	units float64    // mean miner size there
	area  [3]float64 // where it stands: town, village, industrial estate
	// changes that honest customers of this kind make, see change.go
	changes []string
	solar   bool // may have panels
}

var (
	homeChanges = []string{"air conditioner", "heat pump", "freezer", "dehumidifier", "new occupants", "vacancy begins", "vacancy ends",
		"car", "storage heater", "water heater", "panels", "fish tank", "home server", "floor heating", "ventilation"}
	tradeChanges = []string{"air conditioner", "freezer", "cold room", "server", "telecom rectifier", "closure", "heat pump",
		"ventilation", "longer hours", "panels", "dehumidifier"}
	farmChanges  = []string{"aerators", "aerators", "pump", "cold room", "dryer", "telecom rectifier", "ventilation", "panels"}
	worksChanges = []string{"new shift", "new shift", "server", "cold room", "compressed air", "closure", "panels", "pump", "cars", "telecom rectifier"}
	siteChanges  = []string{"server", "telecom rectifier", "ventilation", "pump"}

	town    = [3]float64{.75, .2, .05}
	village = [3]float64{.05, .9, .05}
	estate  = [3]float64{.15, .15, .7}
	spread  = [3]float64{.4, .4, .2}
)

// allUses in a fixed order: their position takes part in drawing.
func allUses() []use {
	return []use{
		{"home", 56, residential, commercial, home, 1, 2, [3]float64{.6, .35, .05}, homeChanges, true},
		{"holiday_home", 3, residential, residential, holidayHome, 2, 3, spread, homeChanges, false},
		{"vacant", 1.5, residential, commercial, vacant, 4, 5, spread, []string{"vacancy ends", "telecom rectifier", "server", "pump"}, false},
		{"shop", 9, commercial, residential, shop, 1.2, 5, town, tradeChanges, true},
		{"office", 4, commercial, commercial, office, .7, 6, town, tradeChanges, true},
		{"restaurant", 3, commercial, residential, restaurant, .7, 4, town, tradeChanges, false},
		{"internet_cafe", 1, commercial, commercial, internetCafe, 3, 8, town, tradeChanges, false},
		{"hotel", 1, commercial, commercial, hotel, .8, 8, town, tradeChanges, false},
		{"supermarket", 1, commercial, commercial, supermarket, .4, 8, town, tradeChanges, true},
		{"works_1_shift", 3, industrial, commercial, shifts(1), 2, 18, estate, worksChanges, true},
		{"works_2_shift", 1.5, industrial, industrial, shifts(2), 1.5, 18, estate, worksChanges, true},
		{"works_3_shift", .8, industrial, industrial, shifts(3), 1.5, 18, estate, worksChanges, true},
		{"works_continuous", 1.2, industrial, industrial, continuous, 1.5, 25, estate, worksChanges, false},
		{"irrigation", 3, farming, residential, irrigation, 2.5, 10, village, farmChanges, false},
		{"aquaculture", 2.5, farming, residential, aquaculture, 2, 10, village, farmChanges, false},
		{"livestock", .8, farming, commercial, livestock, 1.5, 10, village, farmChanges, true},
		{"cold_store", .8, cold, commercial, coldStore, .5, 12, estate, tradeChanges, false},
		{"telecom", 2, telecoms, commercial, telecom, .1, 2, spread, siteChanges, false},
		{"data_centre", .3, dataCentres, commercial, dataCentre, .5, 30, estate, siteChanges, false},
		{"street_lights", 1, lighting, commercial, streetLights, .1, 3, spread, siteChanges, false},
		{"wastewater", .5, water, industrial, wastewater, .5, 15, estate, siteChanges, false},
		{"grow_house", .6, farming, residential, growHouse, .3, 5, village, farmChanges, false},
		{"ev_depot", .5, charging, commercial, evDepot, .2, 10, estate, siteChanges, false},
	}
}

// Uses lists what customers can really be, as named in Config.Shares.
func Uses() []string {
	var names []string
	for _, u := range allUses() {
		names = append(names, u.name)
	}
	return names
}

func defaultShares() map[string]float64 {
	m := map[string]float64{}
	for _, u := range allUses() {
		m[u.name] = u.share
	}
	return m
}

func defaultHosts() map[string]float64 {
	m := map[string]float64{}
	for _, u := range allUses() {
		m[u.name] = u.host
	}
	return m
}
