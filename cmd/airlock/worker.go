package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runner"
	"github.com/airlock-project/airlock/internal/sandbox"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/telemetry"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// toolFlags are what a worker can be told about its tools.
type toolFlags struct {
	Terraform   string `help:"Terraform binary, for stacks that ask for Terraform. Default: terraform on PATH, if any." placeholder:"PATH"`
	ToolDir     string `help:"Directory with other OpenTofu versions, as DIR/<version>/tofu." type:"path" placeholder:"DIR"`
	CLIConfig   string `help:"OpenTofu CLI configuration for every run, for example with a provider mirror." name:"cli-config" type:"path" placeholder:"FILE"`
	PluginCache string `help:"Directory in which runs share downloaded providers." type:"path" placeholder:"DIR"`
}

// workerCmd is the configuration of `airlock worker`.
type workerCmd struct {
	Server         string `help:"URL of the control plane. Default: the one that the token file names." placeholder:"URL"`
	TokenFile      string `help:"File with the token of the worker pool: worker-pool.json as the server wrote it, the config of a worker pool as the API shows it, or the token alone on a line. Or set AIRLOCK_TOKEN to one of these." type:"path" placeholder:"FILE"`
	PrivateKeyFile string `help:"File with the private key of the worker pool, in PEM form or the base64 of that; for pools whose config has a certificate. Or set AIRLOCK_PRIVATE_KEY to its content." type:"path" placeholder:"FILE"`
	Slots          int    `help:"Runs at the same time. Default: 1." default:"1" placeholder:"N"`
	Work           string `help:"Directory in which runs get their private directories. Default: work." default:"work" type:"path" placeholder:"DIR"`
	Tofu           string `help:"OpenTofu binary. Default: tofu on PATH." placeholder:"PATH"`
	toolFlags      `embed:""`
	runnerFlags    `embed:""`
	Metadata       map[string]string `help:"What the worker says of itself, as KEY=VALUE; shown with the worker. May be repeated." placeholder:"KEY=VALUE"`
	DrainTimeout   time.Duration     `help:"How long a shutdown waits for the runs that the worker executes. A second signal ends them at once. Default: 5m." default:"5m" placeholder:"TIME"`
	LogFormat      string            `help:"Format of the log, text or json. Default: text." default:"text" placeholder:"FORMAT"`

	key   *workerapi.PoolKey // nil for pools without one
	token string             // never a flag: those show in the list of processes
}

// check reports every wrong value, one line each.
func (c *workerCmd) check() error {
	var lines []string
	u, err := url.Parse(c.Server)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		lines = append(lines, fmt.Sprintf("--server: must be an http:// or https:// URL, not %q", c.Server))
	}
	if c.token == "" {
		lines = append(lines, "--token-file: give the pool's token by this flag or by AIRLOCK_TOKEN")
	}
	if c.Slots < 1 || c.Slots > 100 {
		lines = append(lines, fmt.Sprintf("--slots: must be between 1 and 100, not %d", c.Slots))
	}
	if c.DrainTimeout < 0 {
		lines = append(lines, "--drain-timeout: must not be negative")
	}
	c.runnerFlags.check(func(flag, format string, args ...any) {
		lines = append(lines, "--"+flag+": "+fmt.Sprintf(format, args...))
	})
	if c.LogFormat != "text" && c.LogFormat != "json" {
		lines = append(lines, fmt.Sprintf("--log-format: must be text or json, not %q", c.LogFormat))
	}
	if lines != nil {
		return &usageError{lines: lines}
	}
	return nil
}

// readToken takes the token, and the server if none is given, from the file.
func (c *workerCmd) readToken() error {
	given := os.Getenv("AIRLOCK_TOKEN")
	if c.TokenFile != "" {
		body, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return &usageError{lines: []string{"--token-file: " + err.Error()}}
		}
		given = string(body)
	}
	pool := parsePool(strings.TrimSpace(given))
	c.token = pool.Token
	if c.Server == "" {
		c.Server = pool.Endpoint
	}
	return c.readKey(pool)
}

// readKey takes the private key of a pool whose runs are encrypted.
func (c *workerCmd) readKey(pool poolFile) error {
	wrong := func(what string) error { return &usageError{lines: []string{"--private-key-file: " + what}} }
	given := os.Getenv("AIRLOCK_PRIVATE_KEY")
	if c.PrivateKeyFile != "" {
		body, err := os.ReadFile(c.PrivateKeyFile)
		if err != nil {
			return wrong(err.Error())
		}
		given = string(body)
	}
	if pool.Certificate == "" {
		if given != "" {
			return wrong("the pool's config is needed with it, as the API shows it: that names the pool and its certificate")
		}
		return nil
	}
	if given == "" {
		return wrong("the runs of this pool are encrypted: give the key that its certificate signing request was made with")
	}
	key, err := secrets.ParsePrivateKey(given)
	if err != nil {
		return wrong(err.Error())
	}
	public, err := secrets.CertificateKey(pool.Certificate)
	if err != nil {
		return &usageError{lines: []string{"--token-file: " + err.Error()}}
	}
	want, err1 := secrets.Fingerprint(public)
	have, err2 := secrets.Fingerprint(key.Public())
	if err := errors.Join(err1, err2); err != nil || want != have {
		return wrong("is not the key of the pool's certificate")
	}
	c.key = &workerapi.PoolKey{Pool: domain.WorkerPoolID(pool.Pool), Private: key}
	return nil
}

// poolFile is what the server hands over for a pool's workers.
type poolFile struct{ Endpoint, Token, Pool, Certificate string }

// parsePool takes a pool as the server wrote it, as JSON or as the API's config
// in base64, or a token alone.
func parsePool(given string) (pool poolFile) {
	if json.Unmarshal([]byte(given), &pool) == nil && pool.Token != "" {
		return pool
	}
	raw, err := base64.StdEncoding.DecodeString(given)
	if err == nil && json.Unmarshal(raw, &pool) == nil && pool.Token != "" {
		return pool
	}
	return poolFile{Token: given}
}

// Run executes runs until the context ends.
func (c *workerCmd) Run(e *env) error {
	if err := c.readToken(); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	syscall.Umask(0o077) // what a run leaves is its worker's alone
	if err := os.MkdirAll(c.Work, 0o700); err != nil {
		return &usageError{lines: []string{"--work: " + err.Error()}}
	}
	client, err := workerapi.NewClient(c.Server, c.token, nil)
	if err != nil {
		return &usageError{lines: []string{"--server: " + err.Error()}}
	}
	client.Key = c.key
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	log := telemetry.NewLogger(e.stderr, c.LogFormat)
	if err := sandbox.NoCoreDumps(); err != nil {
		return fmt.Errorf("keep secrets out of core files: %w", err)
	}
	places, err := c.places(e.ctx, log, false, c.TokenFile, c.PrivateKeyFile, c.Work)
	if err != nil {
		return err
	}
	log.Info("asking for runs", "server", c.Server)
	err = runner.Loop(e.ctx, client, runner.Config{
		WorkerID: host + "-" + newIDs(time.Now).ULID(), Metadata: c.metadata(host),
		Slots: c.Slots, WorkDir: c.Work, Tofu: c.Tofu, Logger: log,
		DrainTimeout: c.DrainTimeout, ApplyGrace: max(c.DrainTimeout, minGrace), Abort: e.abort, PhaseTimeout: c.PhaseTimeout, KeepRefused: days(c.KeepRescued),
		Sandbox: places.sandbox, Containers: places.containers,
		Terraform: c.Terraform, ToolDir: c.ToolDir, CLIConfig: c.CLIConfig, PluginCache: c.PluginCache,
	})
	if errors.Is(err, e.ctx.Err()) {
		return nil
	}
	return err
}

// minGrace is the least that an apply gets, whatever the drain timeout: zero
// would mean the default.
const minGrace = time.Second

// metadata is what the worker says of itself.
func (c *workerCmd) metadata(host string) map[string]string {
	out := map[string]string{"host": host, "version": version}
	maps.Copy(out, c.Metadata)
	return out
}
