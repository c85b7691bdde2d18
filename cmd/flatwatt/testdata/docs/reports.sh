echo 'correct horse battery' >pw
flatwatt user add root --role administrator --new-password-file pw
flatwatt user add zhao --role supervisor --new-password-file pw --user root --password-file pw
flatwatt user token zhao --name docs --until 2099-12-31 --user root --password-file pw >zhao.token
flatwatt simulate --seed 3 --out FLEET --meters 5 --days 30
