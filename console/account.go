package console

var accountViews []view

var accountActs []act
