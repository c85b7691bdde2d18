echo 'correct horse battery' >pw
mkdir -p flatwatt-data
