package main

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/audit"
	"github.com/airlock-project/airlock/internal/authzen"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/dependencies"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/gitcredentials"
	"github.com/airlock-project/airlock/internal/graphql"
	"github.com/airlock-project/airlock/internal/httpserver"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/pushes"
	"github.com/airlock-project/airlock/internal/repos"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/schedules"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/statebackend"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/uploads"
	"github.com/airlock-project/airlock/internal/vcs"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// routes builds everything that answers HTTP requests.
func (s *server) routes() http.Handler {
	decisions := authzen.NewHandler(store.Bind[authzen.Tx](s.store), s.gate, s.config.BaseURL, s.log)
	return httpserver.Handler(httpserver.Parts{
		GraphQL:         graphql.NewHandler(graphql.NewSchema(s.resolver()), graphql.DefaultLimits(), s.log),
		Workers:         workerapi.Handler(s.keyOf, s.backendAt(s.config.BaseURL)),
		State:           statebackend.Handler(s.states, s.identity.AuthenticateForState),
		Uploads:         uploads.Handler(s.runs),
		Pushes:          pushes.Handler(s.pushHooks),
		States:          s.stateDoors(),
		AuthZEN:         decisions,
		AuthZENMetadata: decisions.Metadata(),
		Federation:      s.federationDoors(),
		Authenticate:    s.identity.Authenticate,
		Ready:           s.store.Ping,
		Degraded:        s.degraded,
		NewID:           s.ids.ULID,
		Metrics:         s.metrics,
		Log:             s.log,
	})
}

// backendAt serves workers that reach the server at a URL.
func (s *server) backendAt(url string) workerapi.Backend {
	return workerapi.NewBackend(s.runs, workerapi.BackendConfig{
		Endpoint: url, Schemes: s.config.GitSchemes, States: s.states, Workers: s.pools, Hosts: s.hosts(),
	})
}

func (s *server) resolver() *graphql.Resolver {
	return &graphql.Resolver{
		OutgoingIPs: s.config.OutgoingIPs,
		AWSAccount:  s.config.AWSAccountID,
		AccountName: accountName,
		Parallelism: s.config.Workers,
		Account:     account.NewSettings(store.Bind[account.SettingsTx](s.store), s.gate),
		Spaces:      spaces.New(store.Bind[spaces.Tx](s.store), s.gate, s.ids),
		Roles:       roles.New(store.Bind[roles.Tx](s.store), s.gate, s.ids),
		Bindings:    s.bindings,
		Identity:    s.identity,
		Stacks:      s.stacks,
		Contexts:    contexts.New(store.Bind[contexts.Tx](s.store), s.gate, s.ids),
		Runs:        s.runs,
		States:      s.states,
		Insight:     insight.New(store.Bind[insight.Tx](s.store), s.gate),
		Repos:       repos.New(store.Bind[repos.Tx](s.store), s.gate, s.ids),
		PushHooks:   s.pushHooks,

		GitCredentials: gitcredentials.New(store.Bind[gitcredentials.Tx](s.store), s.gate, s.ids, vcs.CheckAccess),
		Audit:          audit.New(store.Bind[audit.Tx](s.store), s.gate),
		Workers:        s.pools,

		Dependencies: dependencies.New(store.Bind[dependencies.Tx](s.store), s.gate, s.ids),
		Schedules:    schedules.New(store.Bind[schedules.Tx](s.store), s.gate, s.ids),
		Statuses:     s.statuses,
	}
}

// keyOf says what a worker proves by its token.
func (s *server) keyOf(ctx context.Context, token string) (domain.PoolKey, bool, error) {
	key, err := s.runs.PoolOfToken(ctx, identity.HashSecret(token))
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return domain.PoolKey{}, false, nil
	}
	return key, err == nil, err
}

// checkSource refuses what no worker would check out, and credentials: every
// reader of the stack sees its URL. It names the field that callers know.
func (s *server) checkSource(raw, branch string) error {
	if err := vcs.ValidateBranch(branch); err != nil {
		return err
	}
	err := vcs.ValidateURL(raw, s.config.GitSchemes)
	var known *domain.Error
	if errors.As(err, &known) && known.Code == domain.CodeInvalid {
		return domain.Invalid("repositoryURL", "%s", known.Message)
	}
	if err != nil {
		return err
	}
	u, err := url.Parse(raw)
	if err != nil || u.User == nil { // git@host:path is no URL, and carries no secret
		return nil
	}
	if _, secret := u.User.Password(); secret || u.Scheme == "http" || u.Scheme == "https" {
		return domain.Invalid("repositoryURL", "must not contain credentials: every reader of the stack sees it; give them to the workers")
	}
	return nil
}
