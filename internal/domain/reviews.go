package domain

import "time"

// UsesKept is how long it is known what a binding was used for, if the audit
// trail goes back as far.
const UsesKept = 400 * 24 * time.Hour

// BindingUse is what the audit trail tells about one action of one binding.
type BindingUse struct {
	Binding BindingID
	Action  string
	Done    int64 // how often the action was done by it
	Held    int64 // how often it had to be held for something else, AuditUse.Held
	Last    time.Time
}
