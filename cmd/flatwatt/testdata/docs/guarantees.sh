flatwatt simulate --seed 3 --out DIR --meters 60 --days 70
cp "$REPO/detectors/default.json" model.json
