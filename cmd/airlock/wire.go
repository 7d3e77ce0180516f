package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/objects"
	"github.com/airlock-project/airlock/internal/pushhooks"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/schedules"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/statuses"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/telemetry"
	"github.com/airlock-project/airlock/internal/workerapi"
	"github.com/airlock-project/airlock/internal/workers"
)

// server is everything that runs in one process.
type server struct {
	config  *serveCmd
	local   string // URL of this process
	log     *slog.Logger
	store   *store.Store
	gate    *access.Gate
	ids     *ids
	metrics *telemetry.Metrics

	identity  *identity.Service
	runs      *runs.Service
	states    *states.Service
	bindings  *bindings.Service
	stacks    *stacks.Service
	pools     *workers.Service
	pushHooks *pushhooks.Service
	statuses  *statuses.Service
	objects   *objects.Guard // nil: the database has it all
	keys      keyring
	holder    string            // this process, among those of the account
	backend   workerapi.Backend // of the built-in workers
	handler   http.Handler

	abort   context.Context // ends when runs of built-in workers shall not be waited for
	audited chan struct{}   // wakes the forwarder of audit rows
	ended   chan struct{}   // a run has ended that others may wait for
	pushed  chan struct{}   // wakes who starts the runs that follow from pushes
	told    chan struct{}   // wakes who tells git hosts of commits
	places  places          // of the runs of built-in workers
	workers sync.WaitGroup
}

// tokenTTL is how long an API token lives (access model R8).
const tokenTTL = time.Hour

// wire builds the server from the inside out.
func wire(ctx context.Context, c *serveCmd, local string, log *slog.Logger) (*server, error) {
	s := &server{
		config: c, local: local, log: log, gate: access.NewGate(),
		metrics: telemetry.NewMetrics(), audited: make(chan struct{}, 1), ended: make(chan struct{}, 1),
		pushed: make(chan struct{}, 1), told: make(chan struct{}, 1),
	}
	s.ids = newIDs(func() time.Time { return s.store.Clock() }) // ids order what several servers make
	if err := s.openStore(ctx); err != nil {
		return nil, err
	}
	s.holder = s.ids.ULID()
	if err := s.build(ctx); err != nil {
		_ = s.store.Close() // the first error is the one that matters
		return nil, err
	}
	return s, nil
}

func (s *server) openStore(ctx context.Context) error {
	box := &lateBox{}
	database := s.config.Database
	if database == "sqlite" {
		database = "sqlite:" + filepath.Join(s.config.Data, "airlock.db")
	}
	options := store.Options{Sealer: box, IDs: s.ids, Changed: s.changed, Writers: s.config.Writers}
	var err error
	if s.objects, options.Inline, err = s.config.openObjects(); err != nil {
		return err
	}
	if s.objects != nil {
		options.Objects = s.objects
	}
	if s.store, err = store.Open(ctx, database, options); err != nil {
		return err
	}
	if box.Box, err = s.loadKey(ctx); err != nil {
		return errors.Join(err, s.store.Close())
	}
	return nil
}

// lateBox is opened after the store, because only a database without an
// account may get a new key.
type lateBox struct{ *secrets.Box }

// loadKey reads the encryption key, and makes one for a new database. A new
// key for an old database would only hide that the right one is missing.
func (s *server) loadKey(ctx context.Context) (*secrets.Box, error) {
	exists := false
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		exists, err = tx.AccountExists(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.config.KeyFile); exists && errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: it holds the key that this database's secrets are encrypted with; "+
			"restore it, or name it by --key-file", s.config.KeyFile)
	}
	keys, err := secrets.LoadOrCreateKeys(s.config.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("encryption key: %w", err)
	}
	box := secrets.NewBox(keys[0], keys[1:]...)
	s.keys = keyring{path: s.config.KeyFile, box: box}
	return box, s.checkKeys(ctx, s.upkeep(), keyIDs(keys))
}

func (s *server) build(ctx context.Context) error {
	db := store.Bind[account.Tx](s.store)
	deliver := func(x account.Secrets) error { return writeFirstKeys(s.config, x) }
	created, err := account.Create(ctx, db, s.gate, s.ids, deliver)
	if err != nil {
		return fmt.Errorf("create account: %w", err)
	}
	if created {
		s.log.Info("created the account and its first admin key", "file", filepath.Join(s.config.Data, adminKeyFile))
	}
	s.identity, err = identity.New(ctx, store.Bind[identity.Tx](s.store), s.gate, s.ids, s.store.Clock,
		identity.Config{BaseURL: s.config.BaseURL, TokenTTL: tokenTTL})
	if err != nil {
		return fmt.Errorf("%w (is %s the key of this database?)", err, s.config.KeyFile)
	}
	if err := s.startKeys(ctx); err != nil {
		return err
	}
	if err := s.claimObjects(ctx); err != nil {
		return err
	}
	s.bindings = bindings.New(store.Bind[bindings.Tx](s.store), s.gate, s.ids)
	s.runs = runs.New(store.Bind[runs.Tx](s.store), s.gate, s.ids, s.identity, runs.Config{
		BaseURL: s.config.BaseURL, LeaseTTL: s.config.Lease, ApplyTTL: s.config.ApplyLease, RunsPerPush: s.config.RunsPerPush,
		Uploads: runs.UploadTokens{New: identity.NewSecret, Hash: identity.HashSecret}, Federation: s.identity,
		Next: schedules.Next,
	})
	s.states = s.newStates()
	s.stacks = stacks.New(store.Bind[stacks.Tx](s.store), s.gate, s.ids, s.checkSource)
	s.pools = workers.New(store.Bind[workers.Tx](s.store), s.gate, s.ids,
		workers.Tokens{New: identity.NewSecret, Hash: identity.HashSecret}, s.config.BaseURL)
	s.wireSources()
	s.handler = s.routes()
	s.backend = s.backendAt(s.local)
	return nil
}

// changed is told of every commit. It must not block.
func (s *server) changed(topics []string) {
	s.metrics.Committed(topics)
	if s.runs != nil && slices.Contains(topics, domain.TopicReady) {
		s.runs.Wake()
	}
	if s.runs != nil && slices.Contains(topics, domain.TopicStops) {
		s.runs.WakeStops()
	}
	if slices.Contains(topics, domain.TopicPush) {
		select {
		case s.pushed <- struct{}{}:
		default:
		}
	}
	if slices.Contains(topics, domain.TopicStatuses) {
		select {
		case s.told <- struct{}{}:
		default:
		}
	}
	if slices.Contains(topics, domain.TopicEnded) {
		select {
		case s.ended <- struct{}{}:
		default:
		}
	}
	select {
	case s.audited <- struct{}{}:
	default:
	}
}
