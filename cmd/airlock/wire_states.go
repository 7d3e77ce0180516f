package main

import (
	"context"
	"net/url"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/httpserver"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/statebackend"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/store"
)

// accountName is the one account's; the remote backend calls it organization.
const accountName = "airlock"

func (s *server) newStates() *states.Service {
	kept := states.New(store.Bind[states.Tx](s.store), s.gate, s.ids)
	kept.Transfers = states.Transfers{BaseURL: s.config.BaseURL, New: identity.NewSecret, Hash: identity.HashSecret}
	kept.Changed = func(ctx context.Context, tx states.Tx, id domain.StackID) error {
		return s.runs.StateChanged(ctx, tx.(runs.Tx), id) // both are the store's
	}
	return kept
}

// hosts are under which the code of a run asks for other stacks' states: this
// server's own name, and the one in code that was written for the public service.
func (s *server) hosts() []string {
	own := "localhost"
	if u, err := url.Parse(s.config.BaseURL); err == nil && u.Host != "" {
		own = u.Host
	}
	return []string{own, "spacelift.io"}
}

func (s *server) stateDoors() httpserver.StateDoors {
	return httpserver.StateDoors{
		Transfers: statebackend.Transfers(s.states),
		Remote:    statebackend.Remote(s.states, accountName),
		Discovery: statebackend.Discovery(),
		Tokens:    statebackend.TokensPage(),
	}
}
