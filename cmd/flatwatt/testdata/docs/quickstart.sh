. "$REPO/cmd/flatwatt/testdata/docs/cli.sh" # day.csv
flatwatt simulate --seed 3 --out example --meters 30
METER=$(sed -n '/,customer,/{s/,.*//p;q}' example/meters.csv)
