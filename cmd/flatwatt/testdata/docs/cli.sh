{
	echo meter_id,start,energy_kwh
	for h in $(seq -w 0 23); do echo "C-1,2026-01-15 $h:00,0.5"; done
} >day.csv
