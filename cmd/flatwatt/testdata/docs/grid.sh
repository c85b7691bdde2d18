echo a-token >influx.token
