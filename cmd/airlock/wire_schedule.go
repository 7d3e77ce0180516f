package main

import (
	"context"
	"time"
)

// scheduleEvery is how often it is looked what schedules have due.
const scheduleEvery = time.Second

// schedule starts what is due.
func (s *server) schedule(ctx context.Context) {
	tick := time.NewTicker(scheduleEvery)
	defer tick.Stop()
	for {
		if n, err := s.runs.StartDue(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("could not start what schedules have due", "error", err)
		} else if n > 0 {
			s.log.Info("schedules were due", "schedules", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
