echo 'correct horse battery' >pw
flatwatt user add root --role administrator --new-password-file pw
flatwatt user add wang --role operator --new-password-file pw --user root --password-file pw
flatwatt user token wang --name docs --until 2099-12-31 --user root --password-file pw >wang.token
flatwatt simulate --seed 3 --out FLEET --meters 30 --days 40
