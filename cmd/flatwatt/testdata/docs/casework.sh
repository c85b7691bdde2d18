echo 'correct horse battery' >pw
echo 'another long password' >pw2
