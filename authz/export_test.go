package authz

// LongRuns lets tests see long runs in small worlds. It returns what undoes
// it.
func LongRuns(from int) func() {
	old := longRun
	longRun = from
	return func() { longRun = old }
}

// Nodes counts the nodes of a snapshot, FreeNodes those on its list of free
// ones.
func (s *Snapshot) Nodes() int { return int(s.count) }

func (s *Snapshot) FreeNodes() int {
	n := 0
	for at := s.free; at != nowhere; at = s.node(at).home {
		n++
	}
	return n
}

// MaxNumber lets tests see worlds that are too large. It returns what undoes
// it.
func MaxNumber(n int) func() {
	old := maxNumber
	maxNumber = n
	return func() { maxNumber = old }
}
