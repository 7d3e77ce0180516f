package main

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/httpserver"
)

// rotateEvery is how often keys are looked at; they live for months.
const rotateEvery = time.Hour

func (s *server) federationDoors() httpserver.FederationDoors {
	return httpserver.FederationDoors{Discovery: s.identity.FederationDiscovery(), Keys: s.identity.FederationKeySetDoor()}
}

// rotateKeys replaces the keys of federation tokens in time. The first one is
// made when it is needed.
func (s *server) rotateKeys(ctx context.Context) {
	tick := time.NewTicker(rotateEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.identity.RotateFederationKeys(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("could not rotate the keys of federation tokens", "error", err)
		}
	}
}
