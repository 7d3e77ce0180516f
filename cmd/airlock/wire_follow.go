package main

import (
	"context"
	"time"
)

// followEvery is how often runs that wait for others are looked at without
// having been told: for what another server did not live to do.
const followEvery = 5 * time.Second

// follow lets runs go on that wait for runs of other stacks.
func (s *server) follow(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		if _, err := s.runs.Follow(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("could not follow runs that have ended", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.ended:
		case <-tick.C:
		}
	}
}
