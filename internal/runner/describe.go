package runner

import (
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// describe names a commit as a person would.
func describe(c domain.Commit, branch string) string {
	subject, _, _ := strings.Cut(c.Message, "\n")
	return fmt.Sprintf("%s of branch %s: %q by %s", c.Hash[:min(len(c.Hash), 10)], branch, subject, c.AuthorName)
}
