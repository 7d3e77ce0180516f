// Command gen writes everything that is derived from the action catalogue of
// package authz: its constants, docs/actions.md, and the Action enum of the
// GraphQL schema. It must decide nothing itself: a fact about an action
// belongs in the table.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/airlock-project/airlock/authz"
)

func main() {
	root := flag.String("root", ".", "root of the repository")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	files, err := render(authz.Actions())
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
