flatwatt simulate --seed 3 --out FLEET --meters 30 --days 40
