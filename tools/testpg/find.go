//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// binaries are PostgreSQL's programs of one version.
type binaries struct {
	initdb, postgres string
	icu              bool // initdb can make a cluster with ICU collations (15 and later)
}

// findBinaries looks on PATH, then where Debian puts the server, which is
// not on PATH; the newest version wins.
func findBinaries() (binaries, bool) {
	var folders []string
	if path, err := exec.LookPath("initdb"); err == nil {
		folders = append(folders, filepath.Dir(path))
	}
	packaged, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well formed
	slices.SortFunc(packaged, func(a, b string) int { return version(b) - version(a) })
	for _, folder := range append(folders, packaged...) {
		b := binaries{initdb: filepath.Join(folder, "initdb"), postgres: filepath.Join(folder, "postgres")}
		if !executable(b.initdb) || !executable(b.postgres) {
			continue
		}
		help, err := exec.Command(b.initdb, "--help").Output()
		if err != nil {
			continue
		}
		b.icu = bytes.Contains(help, []byte("--icu-locale"))
		return b, true
	}
	return binaries{}, false
}

// version reads 15 from /usr/lib/postgresql/15/bin, and 0 from anything else.
func version(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// unprivileged returns the account to run the server as, or nil for our own:
// PostgreSQL refuses to run as root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL does not run as root, and there is no account postgres or nobody to run it as")
}
