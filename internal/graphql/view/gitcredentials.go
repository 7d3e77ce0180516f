package view

import "github.com/airlock-project/airlock/internal/domain"

// GitCredential is a git credential as the API shows it.
type GitCredential struct{ domain.GitCredential }

func (c *GitCredential) URLPrefix() string   { return c.Prefix }
func (c *GitCredential) Username() *string   { return Optional(c.GitCredential.Username) }
func (c *GitCredential) KnownHosts() *string { return Optional(c.GitCredential.KnownHosts) }
func (c *GitCredential) CreatedAt() int      { return Seconds(c.GitCredential.CreatedAt) }
func (c *GitCredential) UpdatedAt() int      { return Seconds(c.GitCredential.UpdatedAt) }
