//go:build tools

// Package lint pins the golangci-lint release that `make lint` builds from the
// Go module proxy. It contains no code of its own and is its own module, so
// that the linters' dependencies never reach the server's go.mod.
package lint

import _ "github.com/golangci/golangci-lint/v2/cmd/golangci-lint"
