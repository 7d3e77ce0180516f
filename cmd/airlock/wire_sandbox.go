package main

import (
	"log/slog"

	"github.com/airlock-project/airlock/internal/sandbox"
)

// sandboxFlags say how workers keep the processes of runs apart.
type sandboxFlags struct {
	Sandbox          string   `help:"How the processes of runs are kept apart: namespace, user, none, or auto, which is namespace where the system allows it. Default: auto." default:"auto" placeholder:"MODE"`
	SandboxUsers     string   `help:"User ids for the processes of runs, as FIRST-LAST, for a worker that is root. Default: 64600-64699 with namespaces." placeholder:"IDS"`
	SandboxRead      []string `help:"Further files and directories that runs can read." type:"path" placeholder:"PATH"`
	SandboxMemory    uint64   `help:"Address space of each process of a run, in MiB. Default: no limit." placeholder:"MIB"`
	SandboxFiles     uint64   `help:"Open files of each process of a run. Default: 65536." default:"65536" placeholder:"N"`
	SandboxProcesses uint64   `help:"Processes of a run, where it has a user of its own. Default: 4096." default:"4096" placeholder:"N"`
}

// open chooses the sandbox and says which one it is. No run sees what is hidden.
func (f sandboxFlags) open(log *slog.Logger, builtIn bool, hidden ...string) (*sandbox.Sandbox, error) {
	s, why, err := sandbox.New(sandbox.Options{
		Mode: sandbox.Mode(f.Sandbox), Users: f.SandboxUsers, Read: f.SandboxRead, Hide: hidden,
		Memory: f.SandboxMemory << 20, Files: f.SandboxFiles, Processes: f.SandboxProcesses,
	})
	if err != nil {
		return nil, &usageError{lines: []string{"--sandbox: " + err.Error()}}
	}
	switch {
	case s.Mode() != sandbox.None:
		log.Info("runs are kept in a sandbox", "sandbox", s.String())
	case builtIn:
		log.Warn("built-in workers run the code of repositories as this server's own user: whoever writes that code can read the server's keys; "+
			"where you do not trust them all, use a sandbox, or --workers 0 and `airlock worker` under another user", "sandbox", s.String(), "why", reason(why))
	default:
		log.Warn("this worker runs the code of repositories as its own user: whoever writes that code can read the worker's token", "sandbox", s.String(), "why", reason(why))
	}
	return s, nil
}

func reason(why error) string {
	if why == nil {
		return "it was asked for"
	}
	return why.Error()
}
