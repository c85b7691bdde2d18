# A service that takes pushes, until the page is done.
flatwatt simulate --seed 3 --out fleet --meters 5 --days 2
TOKEN=a-token-for-this-test-only
{
	echo meter_id,start,energy_kwh
	sed -n '/,customer,/{s/,.*//p}' fleet/meters.csv | sed 's/$/,2026-01-15T00:00:00Z,0.5/'
} >day.csv
FLATWATT_DATA_DIR=$PWD/data FLATWATT_FLEET=fleet FLATWATT_INGEST_PUSH_LISTEN=127.0.0.1:0 FLATWATT_INGEST_TOKEN=$TOKEN \
	"$DOC_BINARY" run 2>service.log &
service=$!
trap 'kill -INT $service; wait $service' EXIT
for _ in $(seq 300); do
	PUSH=$(sed -n 's|^push: \(http://[^/]*\)/.*|\1|p' service.log)
	[ -z "$PUSH" ] || break
	sleep 0.1
done
export PUSH
