# A control room of another service than the page makes, for the API.
echo 'correct horse battery' >pw
mkdir -p flatwatt-data svc
flatwatt simulate --seed 3 --out fleet --meters 5 --days 2
"$DOC_BINARY" user add admin --role administrator --new-password-file pw --casework svc/casework.db
TOKEN=$("$DOC_BINARY" user token admin --name test --until 2099-12-31 --user admin --password-file pw --casework svc/casework.db)
FLATWATT_DATA_DIR=$PWD/svc FLATWATT_FLEET=fleet "$DOC_BINARY" run 2>service.log &
service=$!
trap 'kill -INT $service; wait $service' EXIT
for _ in $(seq 300); do
	PAGE=$(sed -n 's|^page: \(http://[^/]*\).*|\1|p' service.log)
	[ -z "$PAGE" ] || break
	sleep 0.1
done
export PAGE
