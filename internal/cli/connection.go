package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// connection is how the API is reached. Secrets are no flags: those show in
// the list of processes and in the shell's history.
type connection struct {
	Endpoint string        `help:"URL of the server. Or set AIRLOCK_ENDPOINT or, as a run has it, AIRLOCK_API_ENDPOINT." placeholder:"URL" env:"AIRLOCK_ENDPOINT,AIRLOCK_API_ENDPOINT"`
	Timeout  time.Duration `help:"How long to wait for each answer. Default: 30s." default:"30s" env:"AIRLOCK_API_TIMEOUT"`
	JSON     bool          `help:"Print JSON." name:"json" env:"-"`
}

// credentials are an API key, or a token.
type credentials struct{ id, secret, token string }

// family is a set of environment variables that belong together.
type family struct{ id, secret, token string }

var (
	ours   = family{id: "AIRLOCK_API_KEY_ID", secret: "AIRLOCK_API_KEY_SECRET", token: "AIRLOCK_API_TOKEN"}
	theirs = family{id: "SPACELIFT_API_KEY_ID", secret: "SPACELIFT_API_KEY_SECRET", token: "SPACELIFT_API_TOKEN"}
)

const theirEndpoint = "SPACELIFT_API_KEY_ENDPOINT"

// read takes the key, or else the token. Half a key is a mistake to be told.
func (f family) read() (credentials, error) {
	c := credentials{id: env(f.id), secret: env(f.secret)}
	switch {
	case c.id != "" && c.secret != "":
		return c, nil
	case c.id != "" || c.secret != "":
		return credentials{}, fmt.Errorf("set both %s and %s, or neither", f.id, f.secret)
	default:
		return credentials{token: env(f.token)}, nil
	}
}

// env is a variable without the line break that files end with.
func env(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// open finds endpoint and credentials and, with a key, signs in. An endpoint
// and credentials of different families are never mixed: who names another
// server does not mean to send it the secret of the first.
func (c *connection) open(ctx context.Context) (*api, error) {
	endpoint := strings.TrimSpace(c.Endpoint)
	found, err := ours.read()
	if err != nil {
		return nil, err
	}
	if endpoint == "" && found == (credentials{}) && env(theirEndpoint) != "" {
		endpoint = env(theirEndpoint)
		if found, err = theirs.read(); err != nil {
			return nil, err
		}
		if found == (credentials{}) {
			return nil, fmt.Errorf("no credentials: set %s and %s, or %s", theirs.id, theirs.secret, theirs.token)
		}
	}
	if endpoint == "" {
		return nil, errors.New("which server? Give --endpoint or set AIRLOCK_ENDPOINT")
	}
	base, err := parseEndpoint(endpoint)
	if err != nil {
		return nil, err
	}
	if found == (credentials{}) {
		return nil, fmt.Errorf("no credentials for %s: set %s and %s, or %s", base, ours.id, ours.secret, ours.token)
	}
	a := newAPI(base, c.Timeout)
	return a, a.signIn(ctx, found)
}

// parseEndpoint accepts the server's URL, also as clients that were told about
// /graphql have it.
func parseEndpoint(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSuffix(strings.TrimRight(raw, "/"), "/graphql"))
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("the endpoint must be an http:// or https:// URL such as https://airlock.example.com")
	case u.User != nil:
		return "", errors.New("the endpoint must not contain credentials")
	}
	return strings.TrimRight(u.String(), "/"), nil
}
