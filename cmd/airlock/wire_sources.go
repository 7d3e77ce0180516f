package main

import (
	"context"

	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/pushhooks"
	"github.com/airlock-project/airlock/internal/store"
)

// wireSources builds what has to do with where code comes from.
func (s *server) wireSources() {
	s.pushHooks = pushhooks.New(store.Bind[pushhooks.Tx](s.store), s.gate, s.ids,
		pushhooks.Config{BaseURL: s.config.BaseURL, Secret: identity.SigningSecret})
}

// sweepSources clears away what has been kept of messages long enough.
func (s *server) sweepSources(ctx context.Context) {
	if n, err := s.pushHooks.Sweep(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("could not clear away old deliveries", "error", err)
	} else if n > 0 {
		s.log.Info("cleared away old deliveries", "deliveries", n)
	}
}
