flatwatt simulate --seed 3 --out DIR --meters 30
METER=$(sed -n '/,customer,/{s/,.*//p;q}' DIR/meters.csv)
