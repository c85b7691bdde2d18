#!/usr/bin/env python3
"""espi_sums.py DIR > streams/formats/testdata/espi.sums.csv

Walks every Green Button sample of DIR with Python's own XML parser and adds up the active
energy (uom 72, Wh) that was delivered (flowDirection 1 or none), each distinct interval of a
meter reading once, less what was received (19)."""

import csv
import pathlib
import re
import sys
import xml.etree.ElementTree as ET

ESPI = "{http://naesb.org/espi}"
ATOM = "{http://www.w3.org/2005/Atom}"


def text(node, name, default=None):
    found = node.find(ESPI + name)
    return default if found is None or found.text is None else found.text.strip()


def main(directory: str) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["file", "net_kwh", "intervals"])
    for path in sorted(pathlib.Path(directory).glob("*.xml")):
        entries = ET.parse(path).getroot().iter(ATOM + "entry")
        types, reading_of, blocks = {}, {}, []
        for e in entries:
            links = [(l.get("rel"), l.get("href") or "") for l in e.iter(ATOM + "link")]
            this = next((h for r, h in links if r == "self"), "")
            content = e.find(ATOM + "content")
            if content is None:
                continue
            for node in content:
                if node.tag == ESPI + "ReadingType":
                    types[this] = node
                elif node.tag == ESPI + "MeterReading":
                    reading_of[this] = [h for r, h in links if r == "related"]
                elif node.tag == ESPI + "IntervalBlock":
                    blocks.append((re.sub(r"/IntervalBlock.*", "", this), node))
        net, seen = 0.0, {}
        for owner, block in blocks:
            kind = next((types[h] for h in reading_of.get(owner, []) if h in types), None)
            if kind is None and len(types) == 1:
                kind = next(iter(types.values()))
            if kind is None or text(kind, "uom") != "72":
                print(f"{path.name}: a block of {owner} is not active energy", file=sys.stderr)
                continue
            scale = 10.0 ** int(text(kind, "powerOfTenMultiplier", "0")) / 1000
            sign = -1 if text(kind, "flowDirection", "1") == "19" else 1
            for r in block.iter(ESPI + "IntervalReading"):
                period = r.find(ESPI + "timePeriod")
                seen[(owner, sign, text(period, "start"))] = sign * scale * float(text(r, "value"))
        out.writerow([path.name, f"{sum(seen.values()):.4f}", len({(o, s) for o, _, s in seen})])


if __name__ == "__main__":
    main(sys.argv[1])
