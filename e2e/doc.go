// Package e2e holds the stories: tests that run the built binary with real
// git, real OpenTofu and both databases, and know nothing of its inside.
package e2e
