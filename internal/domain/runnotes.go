package domain

import "time"

// RunComment is what somebody says about a run.
type RunComment struct {
	ID       string
	Run      RunID
	Username string // the actor's audit name
	Body     string
	At       time.Time
}

// ReviewDecision is what a reviewer thinks of a run.
type ReviewDecision string

// The decisions of the contract.
const (
	ReviewApprove ReviewDecision = "APPROVE"
	ReviewReject  ReviewDecision = "REJECT"
)

// RunReview is an approval or a rejection of a run.
type RunReview struct {
	ID       string
	Run      RunID
	State    RunState // of the run, when it was reviewed
	Author   string   // the reviewer's audit name
	Decision ReviewDecision
	Note     string
	At       time.Time
}
