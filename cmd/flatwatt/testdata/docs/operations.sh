# A configuration with a register, and one for the machine that the backup goes to.
flatwatt simulate --seed 3 --out fleet --meters 10
for name in flatwatt new; do
	printf 'data_dir: %s-data\nfleet: %s\n' "$name" "$name-fleet" >"$name.yaml"
done
cp -r fleet flatwatt-fleet
