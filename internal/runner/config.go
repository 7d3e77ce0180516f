// Package runner does what a worker does with one leased run: it checks the
// source out, runs hooks and OpenTofu, streams the masked log, and reports
// every step to the control plane. It decides nothing: which run, which
// variables and whether to apply are the control plane's answers.
package runner

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/airlock-project/airlock/internal/container"
	"github.com/airlock-project/airlock/internal/sandbox"
)

// Config is the worker's own configuration.
type Config struct {
	WorkerID string            // unique for the worker process
	Metadata map[string]string // shown with the worker
	Slots    int               // runs at the same time; default 1

	WorkDir     string // where runs get their private directories
	Tofu        string // OpenTofu binary; empty: `tofu` on PATH
	Terraform   string // Terraform binary for stacks that ask for it; empty: `terraform` on PATH, if any
	ToolDir     string // other versions, as ToolDir/<version>/tofu; optional
	CLIConfig   string // OpenTofu CLI configuration for every run; optional
	PluginCache string // provider cache shared by all runs; optional
	// Sandbox keeps the processes of runs apart; nil keeps nothing apart. With a
	// sandbox the provider cache is only read.
	Sandbox *sandbox.Sandbox
	// Containers, if set, executes the processes of runs in containers instead.
	Containers *container.Engine
	// Env is added to the environment of every run, such as proxy settings.
	Env []string

	LeaseWait time.Duration // long poll; default 25 s
	// DrainTimeout is how long a shutdown waits for what may be interrupted, such
	// as a plan, and ApplyGrace for what should not, such as an apply (default 5
	// min). Both begin with the shutdown.
	DrainTimeout, ApplyGrace time.Duration
	// Abort, when it ends, cuts both short: runs are interrupted at once, and
	// still reported. Nil: never.
	Abort context.Context
	// PhaseTimeout is how long a phase of a run may take, which is one of its
	// states in which something is executed. 0: as long as it likes.
	PhaseTimeout time.Duration

	// KeepRefused is how long a state stays that the control plane has refused. 0:
	// for ever.
	KeepRefused time.Duration

	Logger *slog.Logger // the worker's own log; default: none

	limits limits // default: realLimits
}

func (c Config) withDefaults() (Config, error) {
	if c.WorkDir == "" {
		return c, errors.New("a work directory is required")
	}
	if c.WorkerID == "" {
		return c, errors.New("a worker id is required")
	}
	if c.Slots <= 0 {
		c.Slots = 1
	}
	if c.LeaseWait <= 0 {
		c.LeaseWait = 25 * time.Second
	}
	if c.ApplyGrace <= 0 {
		c.ApplyGrace = 5 * time.Minute
	}
	c.ApplyGrace = max(c.ApplyGrace, c.DrainTimeout)
	if c.Abort == nil {
		c.Abort = context.Background()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.limits.after == nil {
		c.limits = realLimits
	}
	return c, nil
}
