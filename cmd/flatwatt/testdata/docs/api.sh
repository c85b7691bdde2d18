# Users for the token. The requests below are sent by TestAPIPage of the console.
echo 'correct horse battery' >pw
"$DOC_BINARY" user add root --role administrator --new-password-file pw --casework casework.db
"$DOC_BINARY" user add wang --role operator --new-password-file pw --casework casework.db --user root --password-file pw
