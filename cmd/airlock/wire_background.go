package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runner"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// How often the background looks by itself.
const (
	reapEvery    = 5 * time.Second
	forwardEvery = time.Second
	forwardBatch = 100
	pushEvery    = 2 * time.Second // where another server was told of the push
	sweepEvery   = 10 * time.Minute
	deleteEvery  = 2 * time.Second
	noteEvery    = 10 * time.Second
)

// startBackground starts what runs beside the requests: the reaper, the audit
// forwarder and the sweeper until background ends, the built-in workers until
// asked ends. The returned channel is closed when all but the workers have ended.
func (s *server) startBackground(background, asked context.Context) <-chan struct{} {
	var loops sync.WaitGroup
	loops.Go(func() { s.reap(background) })
	loops.Go(func() { s.forward(background) })
	loops.Go(func() { s.sweep(background) })
	loops.Go(func() { s.followPushes(background) })
	loops.Go(func() { s.deleteDestroyed(background) })
	loops.Go(func() { s.noteWorkers(background) })
	loops.Go(func() { s.follow(background) })
	loops.Go(func() { s.rotateKeys(background) })
	s.keepUp(background, &loops)
	loops.Go(func() { s.schedule(background) })
	loops.Go(func() { s.tellHosts(background) })
	if s.config.Workers > 0 {
		s.workers.Go(func() { s.work(asked) })
	}
	done := make(chan struct{})
	go func() {
		loops.Wait()
		close(done)
	}()
	return done
}

func (s *server) waitWorkers() { s.workers.Wait() }

func (s *server) work(ctx context.Context) {
	err := runner.Loop(ctx, workerapi.Local(domain.PoolKey{Pool: domain.DefaultWorkerPool}, s.backend), runner.Config{
		WorkerID: "built-in-" + s.ids.ULID(), Slots: s.config.Workers, Tofu: s.config.Tofu,
		Terraform: s.config.Terraform, ToolDir: s.config.ToolDir, CLIConfig: s.config.CLIConfig, PluginCache: s.config.PluginCache,
		DrainTimeout: s.config.DrainTimeout, Abort: s.abort, PhaseTimeout: s.config.PhaseTimeout,
		KeepRefused: days(s.config.KeepRescued), Sandbox: s.places.sandbox, Containers: s.places.containers,
		WorkDir: filepath.Join(s.config.Data, "work"), Logger: s.log,
	})
	if err != nil && ctx.Err() == nil {
		s.log.Error("the built-in worker ended", "error", err)
	}
}

// reap ends the runs whose worker is gone.
func (s *server) reap(ctx context.Context) {
	tick := time.NewTicker(min(reapEvery, s.config.Lease/4))
	defer tick.Stop()
	began, patience := time.Now(), steady{lease: s.config.Lease}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !patience.fair(s.store.Clock(), time.Since(began)) {
			continue
		}
		n, err := s.runs.Reap(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("could not look for lost workers", "error", err)
		}
		if n > 0 {
			s.metrics.Reaped(n)
			s.log.Warn("ended runs whose worker was lost", "runs", n)
		}
	}
}

// noteWorkers writes down which workers there are.
func (s *server) noteWorkers(ctx context.Context) {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if lost, err := s.pools.WriteDown(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("could not write down which workers there are", "error", err)
		} else if lost > 0 {
			s.log.Info("forgot workers that are gone", "workers", lost)
		}
	}
}

// sweep clears away what expired long ago. What has expired gives nothing any
// more, whether or not it has been swept.
func (s *server) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if n, err := s.bindings.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("could not clear away what has expired", "error", err)
		} else if n > 0 {
			s.log.Info("cleared away what has expired", "objects", n)
		}
		if n, err := s.runs.SweepUploads(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("could not clear away old uploads", "error", err)
		} else if n > 0 {
			s.log.Info("cleared away old uploads", "uploads", n)
		}
		s.sweepSources(ctx)
		if _, err := s.states.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("could not clear away expired transfers", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// deleteDestroyed deletes the stacks whose resources have been destroyed.
func (s *server) deleteDestroyed(ctx context.Context) {
	tick := time.NewTicker(deleteEvery)
	defer tick.Stop()
	for {
		if n, err := s.stacks.SweepDestroyed(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("could not delete destroyed stacks", "error", err)
		} else if n > 0 {
			s.log.Info("deleted stacks whose resources were destroyed", "stacks", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// forward writes committed audit rows to the log, each at least once, so that
// a log pipeline carries them out of the building.
func (s *server) forward(ctx context.Context) {
	tick := time.NewTicker(forwardEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.audited:
		case <-tick.C:
		}
		for {
			n, err := s.store.Deliver(ctx, domain.TopicAudit, forwardBatch, s.logAudit)
			if err != nil && ctx.Err() == nil {
				s.log.Error("could not forward audit rows", "error", err)
			}
			if n < forwardBatch {
				break
			}
		}
	}
}

func (s *server) logAudit(ctx context.Context, tx *store.Tx, row domain.OutboxRow) error {
	e, err := tx.AuditEntry(ctx, domain.AuditID(row.ID))
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if e.ActedAs.Flagged() {
		level = slog.LevelWarn // somebody used a role of a stack that he lacks
	}
	s.log.LogAttrs(ctx, level, "audit",
		slog.String("id", string(e.ID)), slog.String("event", e.Event), slog.String("actor", e.Actor), slog.Any("actor_roles", e.ActorRoles),
		slog.String("outcome", string(e.Outcome)), slog.String("reason", e.Reason), slog.String("object", e.ObjectKind+"/"+e.ObjectID),
		slog.Any("spaces", e.Spaces), slog.String("remote_ip", e.RemoteIP), slog.String("request", e.RequestID), slog.String("run", string(e.RunID)), slog.Any("acted_as", e.ActedAs))
	return nil
}

// followPushes starts the runs that follow from pushes.
func (s *server) followPushes(ctx context.Context) {
	tick := time.NewTicker(pushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.pushed:
		case <-tick.C:
		}
		if _, err := s.runs.FollowPushes(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("could not start the runs of a push", "error", err)
		}
	}
}
