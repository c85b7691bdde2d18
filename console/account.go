package console

import "slices"

// The pages of accounts: ledger, surcharges, spot checks, tip-offs, screening, reports.
var accountViews = []view{
	{Path: "/tips", Name: "tips", Group: "work", Page: "listing", Doc: "Tip-offs, the latest first", Shape: tipsPage{}, get: tipsView},
	{Path: "/tips/{id}", Name: "tip", Page: "listing", Doc: "A tip-off with the meters that it may mean", Shape: tipPage{}, get: tipView},
	{Path: "/spotchecks", Name: "spotchecks", Group: "work", Page: "listing", Doc: "Double-random spot checks", Shape: spotsPage{}, get: spotsView},
	{Path: "/spotchecks/{id}", Name: "spotcheck", Page: "listing", Doc: "A spot check: plan, draw, outcomes", Shape: spotPage{}, get: spotView},
	{Path: "/ledger", Name: "ledger", Group: "account", Page: "listing", Doc: "Ledger of projects", Shape: ledgerPage{}, get: ledgerView},
	{Path: "/ledger/{id}", Name: "project", Page: "listing", Doc: "A project of the ledger with its trail", Shape: projectPage{}, get: projectView},
	{Path: "/prices", Name: "prices", Group: "account", Page: "listing", Doc: "Differential price: list, statements, arrears", Shape: pricesPage{}, get: pricesView},
	{Path: "/prices/{id}", Name: "statement", Page: "listing", Doc: "A statement with its calculation", Shape: statementPage{}, get: statementView},
	{Path: "/screening", Name: "screening", Group: "account", Page: "listing", Doc: "Applicants and commitments", Shape: screeningPage{}, get: screeningView},
	{Path: "/screening/{id}", Name: "applicant", Page: "listing", Doc: "An applicant with its hits, or a commitment", Shape: applicantPage{}, get: applicantView},
	{Path: "/reports", Name: "reports", Group: "account", Page: "listing", Doc: "Weekly reports to the regulator", Shape: reportsPage{}, get: reportsView},
	{Path: "/reports/{id}", Name: "report", Page: "listing", Doc: "A weekly report as it was issued", Shape: reportPage{}, get: reportView},
}

var accountActs = slices.Concat(tipActs, spotActs, ledgerActs, priceActs, screeningActs, reportActs)
