flatwatt simulate --seed 3 --out FLEET --meters 60 --days 70
flatwatt import --fleet FLEET --archive archive
RUN=$(flatwatt rescore --fleet FLEET --archive archive --from -5d)
cp "$REPO/detectors/default.json" model.json
flatwatt feedback draw --archive archive --run "$RUN" --visits 2 --random 1 | awk -F, 'NR == 1 {print; next} {OFS = ","; $2 = "2099-01-01"; $3 = "cleared"; print}' > outcomes.csv
