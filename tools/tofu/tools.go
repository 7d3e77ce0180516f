//go:build tools

// Package tofu pins the OpenTofu release that `make tofu` builds from the Go
// module proxy on machines that have no tofu binary. It contains no code of
// its own and is its own module, so that OpenTofu's dependencies never reach
// the server's go.mod.
package tofu

import _ "github.com/opentofu/opentofu/cmd/tofu"
