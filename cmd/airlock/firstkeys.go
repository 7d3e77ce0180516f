package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/airlock-project/airlock/internal/account"
)

// The files that hold the secrets of the first start.
const (
	adminKeyFile   = "admin-key.json"
	workerPoolFile = "worker-pool.json"
)

// writeFirstKeys keeps the admin key and the token of the default worker pool,
// readable by the owner only.
func writeFirstKeys(c *serveCmd, s account.Secrets) error {
	pool := map[string]string{"endpoint": c.BaseURL, "token": s.PoolToken}
	if err := writePrivate(filepath.Join(c.Data, workerPoolFile), pool); err != nil {
		return err
	}
	return writePrivate(filepath.Join(c.Data, adminKeyFile), map[string]string{
		"endpoint": c.BaseURL, "id": string(s.AdminKeyID), "secret": s.AdminKeySecret,
	})
}

// writePrivate writes a JSON file with mode 0600, whole or not at all.
func writePrivate(path string, content map[string]string) (err error) {
	body, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(append(body, '\n')); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), f.Close())
	}
	if err := f.Sync(); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), f.Close())
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
