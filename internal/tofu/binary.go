// Package tofu runs the OpenTofu binary: it finds it, gives it a clean
// environment, streams its own words, and reads its JSON. It returns no value
// of a resource or a sensitive output. It decides nothing about runs.
package tofu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Find returns the absolute path of the OpenTofu binary: the given one, or
// `tofu` on PATH when path is empty.
func Find(path string) (string, error) {
	if path == "" {
		found, err := exec.LookPath("tofu")
		if err != nil {
			return "", errors.New("OpenTofu binary not found: there is no `tofu` on PATH; install OpenTofu or name the binary (setting --tofu)")
		}
		return filepath.Abs(found)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("OpenTofu binary not found: %w", err)
	}
	info, err := os.Stat(abs)
	if err != nil || info.IsDir() || info.Mode().Perm()&0o111 == 0 {
		return "", fmt.Errorf("OpenTofu binary not found: %s is not an executable file", path)
	}
	return abs, nil
}

// versions remembers the answer for a binary that has not changed since, so
// that a run does not pay for another process.
var versions sync.Map // versionKey -> string

type versionKey struct {
	path     string
	size     int64
	modified int64
}

// Version asks the binary for its version, for example "1.12.6".
func Version(ctx context.Context, binary string) (string, error) {
	info, err := os.Stat(binary)
	if err != nil {
		return "", fmt.Errorf("OpenTofu binary not found: %w", err)
	}
	key := versionKey{path: binary, size: info.Size(), modified: info.ModTime().UnixNano()}
	if v, ok := versions.Load(key); ok {
		return v.(string), nil
	}
	var out bytes.Buffer
	err = Process{
		Name: "tofu version", Path: binary, Args: []string{"version", "-json"}, Dir: os.TempDir(),
		Env:    []string{"CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE=" + os.DevNull, "HOME=" + os.TempDir()},
		Stdout: &out, Stderr: io.Discard,
	}.Run(ctx)
	if err != nil {
		return "", err
	}
	var answer struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil || answer.Version == "" {
		return "", fmt.Errorf("%s did not state its version", binary)
	}
	versions.Store(key, answer.Version)
	return answer.Version, nil
}

// writesEvents reports whether this version can write machine-readable events
// to a file beside its human-readable output (-json-into, since 1.12).
func writesEvents(version string) bool { return atLeast(version, 1, 12) }

func atLeast(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	x, err1 := strconv.Atoi(parts[0])
	y, err2 := strconv.Atoi(parts[1])
	return err1 == nil && err2 == nil && (x > major || x == major && y >= minor)
}
