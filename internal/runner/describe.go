package runner

import (
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
)

// describe names a commit as a person would.
func describe(c domain.Commit, branch string) string {
	subject, _, _ := strings.Cut(c.Message, "\n")
	return fmt.Sprintf("%s of branch %s: %q by %s", c.Hash[:min(len(c.Hash), 10)], branch, subject, c.AuthorName)
}

// planOf is the part of the plan that a kept workspace carries.
func planOf(m manifest) *tofu.Plan { return &tofu.Plan{Descriptions: m.Descriptions} }
