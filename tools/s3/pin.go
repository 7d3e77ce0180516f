//go:build tools

// Package s3 pins the S3 server that tests of object storage run against.
package s3

import _ "github.com/versity/versitygw/cmd/versitygw"
