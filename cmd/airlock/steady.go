package main

import "time"

// steady tells when it is fair to end runs whose workers were not heard of: not
// in the first lease after the server's start, because nobody could reach it
// before, and not in the first lease after its clock jumped, because leases end
// by that clock, which is the one of the database.
type steady struct {
	lease time.Duration
	since time.Duration // of the process's own running time
	drift time.Duration // of the clock from that, when last looked
	begun bool
}

// fair is asked with the clock's time and how long the process has run, which
// no jump changes.
func (s *steady) fair(clock time.Time, running time.Duration) bool {
	drift := time.Duration(clock.UnixNano()) - running
	if jump := (drift - s.drift).Abs(); !s.begun || jump > s.lease/4 {
		s.since = running
	}
	s.drift, s.begun = drift, true
	return running-s.since >= s.lease
}
