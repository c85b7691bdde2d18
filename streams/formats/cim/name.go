package cim

import "strings"

// identify files a name of the meter or the usage point.
func (d *decoder) identify(local, text string) {
	at, which := d.parent(1), -1
	if local == "name" && (at == "Names" || at == "Name") {
		at = d.parent(2)
	}
	switch at {
	case "Meter", "EndDevice", "MeterAsset":
		which = 0
	case "UsagePoint", "ServiceDeliveryPoint":
		which = 1
	default:
		return
	}
	if local == "mRID" {
		d.meter[which].id = text
	} else if d.meter[which].name == "" {
		d.meter[which].name = text
	}
}

// identifier is the usage point's, as it outlives the meter, else the meter's.
func (d *decoder) identifier() string {
	order := []int{1, 0}
	if strings.EqualFold(d.opt.Mapping.Meter, "meter") {
		order = []int{0, 1}
	}
	for _, i := range order {
		for _, s := range []string{d.meter[i].id, d.meter[i].name} {
			if s != "" {
				return s
			}
		}
	}
	return ""
}
