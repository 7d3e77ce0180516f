package domain

import "time"

// DriftCheck is what drift detection has found out about a stack last: whether
// what exists is still what its code and its state say.
type DriftCheck struct {
	Run   RunID // that found it out
	At    time.Time
	Found bool // and no tracked run has put it right since
}

// Drifted lists the addresses of the resources that a plan would change. A
// plan of what was applied last changes only what has drifted.
func Drifted(changes []ResourceChange) (addresses []string) {
	for _, c := range changes {
		switch c.Action {
		case "create", "update", "delete", "replace":
			addresses = append(addresses, c.Address)
		}
	}
	return addresses
}
