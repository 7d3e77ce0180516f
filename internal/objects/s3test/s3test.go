// Package s3test starts an S3 server for tests: a program of its own, which
// tools/s3 pins and `make s3` builds. It imitates nothing.
package s3test

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Credentials of the server, and its bucket.
const (
	Key    = "the-key"
	Secret = "the-secret"
	Bucket = "airlock"
)

// Start starts a server with one bucket. It returns its URL and what ends it,
// and sets the credentials in the environment. Without the program the test is
// skipped.
func Start(t testing.TB) (endpoint string, stop func()) {
	t.Helper()
	cached, err := filepath.Glob(filepath.Join(cache(), "airlock", "s3", "*", "versitygw"))
	if err != nil || len(cached) == 0 {
		t.Skip("there is no S3 server: `make s3` builds one")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", Key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", Secret)
	address := freeAddress(t)
	var said bytes.Buffer
	cmd := exec.Command(cached[len(cached)-1], "--port", address, "--access", Key, "--secret", Secret, "--iam-dir", t.TempDir(), "posix", "--nometa", t.TempDir())
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill() // it keeps nothing in memory
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	client, err := minio.New(address, &minio.Options{Creds: credentials.NewStaticV4(Key, Secret, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if err = client.MakeBucket(t.Context(), Bucket, minio.MakeBucketOptions{}); err == nil {
			return "http://" + address, stop
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("the S3 server does not answer: %v\n%s", err, &said)
		}
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.Addr().String()
}

func cache() string {
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache")
}
