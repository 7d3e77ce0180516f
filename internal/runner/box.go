package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/airlock-project/airlock/internal/sandbox"
)

// openBox shuts the processes of the run into its place, where they find a tool
// of the worker; empty: they need none. From here on the worker
// writes nothing into what they may change.
func (r *run) openBox(ctx context.Context, tool string) error {
	if !r.cfg.apart() {
		return nil
	}
	write := []string{r.path("workspace"), r.path("home"), r.path("out"), r.sockets}
	read := []string{r.path("tofu.rc")}
	if tool != "" {
		read = append(read, tool, r.programs)
		if real, err := filepath.EvalSymlinks(tool); err == nil {
			read = append(read, real)
		}
	}
	if r.federation.begun != nil {
		read = append(read, r.path(federationDir))
	}
	if r.cfg.PluginCache != "" {
		if err := shadow(r.cfg.PluginCache, r.pluginCache()); err != nil {
			return fmt.Errorf("open a sandbox: %w", err)
		}
		write, read = append(write, r.pluginCache()), append(read, r.cfg.PluginCache)
	}
	named, err := namedPaths(r.cfg.CLIConfig)
	if err != nil {
		return fmt.Errorf("open a sandbox: %w", err)
	}
	paths := sandbox.Paths{Root: r.path("root"), Temp: r.path("tmp"), Write: write, Read: append(read, named...)}
	if r.box, err = r.openPlace(ctx, paths); err != nil {
		return fmt.Errorf("open a sandbox: %w", err)
	}
	// It holds a token of the run.
	if err := r.box.Show(r.path("tofu.rc")); err != nil {
		return fmt.Errorf("open a sandbox: %w", err)
	}
	return nil
}

// pluginCache is where OpenTofu finds and keeps downloaded providers.
func (r *run) pluginCache() string {
	if r.cfg.PluginCache == "" || !r.cfg.apart() {
		return r.cfg.PluginCache
	}
	return r.path("cache")
}

// packageDepth is how deep a provider's package lies in a cache:
// host/namespace/type/version/system.
const packageDepth = 5

// shadow makes a provider cache of the run's own, which finds the packages of
// the shared one by links: what a run adds is not what the next one executes.
func shadow(cache, own string) error {
	if err := os.MkdirAll(own, 0o700); err != nil {
		return err
	}
	into, err := os.OpenRoot(own)
	if err != nil {
		return err
	}
	defer func() { _ = into.Close() }() // nothing is written through it
	return filepath.WalkDir(cache, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there is no cache yet, or somebody clears it
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(cache, path)
		if err != nil || name == "." {
			return err
		}
		if strings.Count(name, string(filepath.Separator)) == packageDepth-1 {
			if err := into.Symlink(path, name); err != nil {
				return err
			}
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if e.IsDir() {
			return into.Mkdir(name, 0o700)
		}
		return nil
	})
}

// quotedPath is an absolute path in quotes, as the CLI configuration names the
// directory of a provider mirror.
var quotedPath = regexp.MustCompile(`"(/[^"\n]+)"`)

// namedPaths returns the paths that the operator's CLI configuration names:
// OpenTofu must be able to read them.
func namedPaths(config string) (out []string, err error) {
	if config == "" {
		return nil, nil
	}
	body, err := os.ReadFile(filepath.Clean(config))
	if err != nil {
		return nil, err
	}
	for _, m := range quotedPath.FindAllSubmatch(body, -1) {
		out = append(out, string(m[1]))
	}
	return out, nil
}
