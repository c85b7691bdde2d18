echo 'correct horse battery' >pw
echo 'another long password' >pw2
flatwatt simulate --seed 3 --out FLEET --meters 10 --days 30
METER=$(sed -n '/,customer,/{s/,.*//p;q}' FLEET/meters.csv)
