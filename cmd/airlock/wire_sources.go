package main

import (
	"context"
	"net/netip"
	"time"

	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/outbound"
	"github.com/airlock-project/airlock/internal/pushhooks"
	"github.com/airlock-project/airlock/internal/statuses"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/vcs"
)

// outboundFlags say where the server itself may call.
type outboundFlags struct {
	OutboundAllow []string `help:"Networks or addresses beside public ones that this server may call, such as that of a git host inside: 10.1.0.0/16. Default: none." placeholder:"CIDR"`
	outboundAllow []netip.Prefix
}

func (f *outboundFlags) check(wrong func(flag, format string, args ...any)) {
	var err error
	if f.outboundAllow, err = outbound.ParseAllow(f.OutboundAllow); err != nil {
		wrong("outbound-allow", "%s", err)
	}
}

// wireSources builds what has to do with where code comes from.
func (s *server) wireSources() {
	s.pushHooks = pushhooks.New(store.Bind[pushhooks.Tx](s.store), s.gate, s.ids,
		pushhooks.Config{BaseURL: s.config.BaseURL, Secret: identity.SigningSecret})
	client := outbound.NewClient(outbound.Options{Allow: s.config.outboundAllow, Timeout: callTimeout})
	s.statuses = statuses.New(store.Bind[statuses.Tx](s.store), s.gate, vcs.Statuses{Client: client, BaseURL: s.config.BaseURL}.Set)
}

const (
	callTimeout = 10 * time.Second // of one call to a git host
	tellEvery   = 2 * time.Second  // it is looked what is to be told git hosts again
)

// tellHosts tells git hosts what runs say of their commits.
func (s *server) tellHosts(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		_, given, err := s.statuses.SendDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("could not look what is to be told git hosts", "error", err)
		}
		for _, g := range given {
			s.log.Warn("gave up setting the status of a commit", "run", g.Run, "commit", g.Commit, "state", g.State, "attempts", g.Attempts, "why", g.Error)
		}
		select {
		case <-ctx.Done():
			return
		case <-s.told:
		case <-tick.C:
		}
	}
}

// sweepSources clears away what has been kept of messages long enough.
func (s *server) sweepSources(ctx context.Context) {
	if n, err := s.pushHooks.Sweep(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("could not clear away old deliveries", "error", err)
	} else if n > 0 {
		s.log.Info("cleared away old deliveries", "deliveries", n)
	}
	if _, err := s.statuses.Sweep(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("could not clear away old statuses of commits", "error", err)
	}
}
