package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/airlock-project/airlock/internal/container"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/sandbox"
)

// runnerFlags say where workers execute the processes of runs, and how long.
type runnerFlags struct {
	sandboxFlags `embed:""`
	Runner       string `help:"Where the processes of runs are executed: process is this machine, in the sandbox; docker and podman are containers of the runner image, which that engine starts. Default: process." default:"process" placeholder:"RUNNER"`
	RunnerImage  string `help:"Image of containers where neither the stack nor the account names one. Default: such runs fail." placeholder:"IMAGE"`
	// RunnerImageAllow are patterns of domain.ParseImagePattern.
	RunnerImageAllow []string      `help:"Images that stacks and their code may name beside --runner-image, with their registry: registry.example.com/tools/*:3. Default: any." placeholder:"IMAGE"`
	RunnerNetwork    string        `help:"Network of containers, as --network of the engine takes it. Default: host, which is this machine's." default:"host" placeholder:"NETWORK"`
	RunnerMemory     uint64        `help:"Memory of a container, in MiB. Default: no limit." placeholder:"MIB"`
	RunnerCPUs       float64       `help:"Processors of a container. Default: no limit." name:"runner-cpus" placeholder:"N"`
	PhaseTimeout     time.Duration `help:"How long each phase of a run may take; what takes longer is interrupted, and its run fails. 0: as long as it likes. Default: 24h." default:"24h" placeholder:"TIME"`
	KeepRescued      int           `help:"Days that states stay in rescued/ below the work directory which the control plane has refused; 0: for ever. Default: 30." default:"30" placeholder:"DAYS"`
}

// check reports every wrong value.
func (f runnerFlags) check(wrong func(flag, format string, args ...any)) {
	if f.PhaseTimeout < 0 {
		wrong("phase-timeout", "must not be negative")
	}
	if f.KeepRescued < 0 || f.KeepRescued > mostDays {
		wrong("keep-rescued", "must be between 0 and %d days, not %d", mostDays, f.KeepRescued)
	}
}

// places are where the processes of runs can be executed.
type places struct {
	sandbox    *sandbox.Sandbox
	containers *container.Engine
}

// places finds out where the processes of runs are executed, and says it. No run
// sees what is hidden.
func (f runnerFlags) places(ctx context.Context, log *slog.Logger, builtIn bool, hidden ...string) (p places, err error) {
	if f.Runner == "process" {
		p.sandbox, err = f.open(log, builtIn, hidden...)
		return p, err
	}
	var allow []domain.ImagePattern
	for _, text := range f.RunnerImageAllow {
		pattern, err := domain.ParseImagePattern(text)
		if err != nil {
			return p, &usageError{lines: []string{"--runner-image-allow: " + err.Error()}}
		}
		allow = append(allow, pattern)
	}
	p.containers, err = container.New(ctx, container.Options{
		Engine: f.Runner, Image: f.RunnerImage, Allow: allow, Network: f.RunnerNetwork, Users: f.SandboxUsers,
		Memory: f.RunnerMemory << 20, CPUs: f.RunnerCPUs, Processes: f.SandboxProcesses, Files: f.SandboxFiles,
	})
	if err != nil {
		return p, &usageError{lines: []string{"--runner: " + err.Error()}}
	}
	log.Info("runs are executed in containers", "runner", f.Runner, "image", f.RunnerImage)
	return p, nil
}
