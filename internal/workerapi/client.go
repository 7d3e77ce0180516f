package workerapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The paths and content types of the wire.
const (
	pathPrefix    = "/worker/" + Version + "/"
	pathLease     = pathPrefix + "lease"
	pathLeave     = pathPrefix + "leave"
	pathHeartbeat = pathPrefix + "heartbeat"
	pathAdvance   = pathPrefix + "advance"
	pathLogs      = pathPrefix + "logs"
	pathFederate  = pathPrefix + "federate"
	// secretHeader carries the secret of a lease where the body is something else.
	secretHeader  = "Airlock-Lease-Secret"
	typeJSON      = "application/json"
	typeWorkspace = "application/gzip"
)

const (
	callTimeout = 20 * time.Second
	retryAfter  = 200 * time.Millisecond
	maxAnswer   = 64 << 20 // a job with its mounted files
	// transferTime bounds an upload or download of a workspace.
	transferTime = 10 * time.Minute
)

// Client asks a control plane over HTTP. Errors are *domain.Error as the
// control plane gave them, or CodeUnavailable when it could not be asked.
type Client struct {
	base  string
	token string
	http  *http.Client
	// Key opens the jobs of a pool that has one; nil for others.
	Key *PoolKey
}

var _ API = (*Client)(nil)

// NewClient returns a client for the control plane at base, such as
// "https://airlock.example.com", with a worker pool's token. A nil transport
// means http.DefaultTransport.
func NewClient(base, token string, transport http.RoundTripper) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return nil, errors.New("the control plane's URL must be http(s)://host[:port]")
	}
	if token == "" || strings.ContainsAny(token, " \r\n") {
		return nil, errors.New("a worker pool token is required")
	}
	return &Client{
		base: strings.TrimRight(u.String(), "/"), token: token,
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // never take the token elsewhere
		}},
	}, nil
}

// Lease implements API. It is not repeated by itself: an answer that was lost
// may have been a job.
func (c *Client) Lease(ctx context.Context, req LeaseRequest) (*Job, error) {
	ctx, cancel := context.WithTimeout(ctx, req.Wait+callTimeout)
	defer cancel()
	var err error
	req.Proves = true
	if req.Key, req.Nonce, err = c.Key.ask(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	resp, err := c.send(ctx, http.MethodPost, pathLease, content{mediaType: typeJSON, body: bytes.NewReader(body)})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNoContent {
		return nil, nil
	}
	job := &Job{}
	if err := decode(resp.Body, job); err != nil {
		return nil, err
	}
	return c.Key.open(job, req)
}

// Leave implements API.
func (c *Client) Leave(ctx context.Context, req LeaveRequest) error {
	return c.call(ctx, pathLeave, req, &struct{}{})
}

// Heartbeat implements API.
func (c *Client) Heartbeat(ctx context.Context, q HeartbeatRequest) (HeartbeatReply, error) {
	var reply HeartbeatReply
	return reply, c.callWithin(ctx, q.Wait+callTimeout, pathHeartbeat, q, &reply)
}

// Advance implements API.
func (c *Client) Advance(ctx context.Context, a Advance) (AdvanceReply, error) {
	var reply AdvanceReply
	return reply, c.call(ctx, pathAdvance, a, &reply)
}

// Federate implements API.
func (c *Client) Federate(ctx context.Context, q FederateRequest) (reply FederateReply, err error) {
	if q.Key, q.Nonce, err = c.Key.ask(); err != nil {
		return reply, err
	}
	if err := c.call(ctx, pathFederate, q, &reply); err != nil {
		return reply, err
	}
	return c.Key.openToken(reply, q)
}

// AppendLogs implements API.
func (c *Client) AppendLogs(ctx context.Context, chunk LogChunk) error {
	return c.call(ctx, pathLogs, chunk, &struct{}{})
}

// PutWorkspace implements API. A body that can be read twice, such as a file,
// is sent again when the connection broke.
func (c *Client) PutWorkspace(ctx context.Context, ref LeaseRef, body io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, transferTime)
	defer cancel()
	resp, err := c.retry(ctx, http.MethodPut, workspacePath(ref), content{typeWorkspace, body, ref.Secret})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// RecoverState implements API.
func (c *Client) RecoverState(ctx context.Context, ref LeaseRef, body io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, transferTime)
	defer cancel()
	resp, err := c.retry(ctx, http.MethodPut, leasePath(ref)+"state", content{typeJSON, body, ref.Secret})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// GetWorkspace implements API.
func (c *Client) GetWorkspace(ctx context.Context, ref LeaseRef) (io.ReadCloser, error) {
	ctx, cancel := context.WithTimeout(ctx, transferTime)
	resp, err := c.retry(ctx, http.MethodGet, workspacePath(ref), content{secret: ref.Secret}) //nolint:bodyclose // the caller closes it
	if err != nil {
		cancel()
		return nil, err
	}
	return cancelOnClose{resp.Body, cancel}, nil
}

type cancelOnClose struct {
	io.ReadCloser
	cancel context.CancelFunc
}

// Close implements io.Closer.
func (c cancelOnClose) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}

func workspacePath(ref LeaseRef) string { return leasePath(ref) + "workspace" }

func leasePath(ref LeaseRef) string {
	return pathPrefix + "runs/" + url.PathEscape(string(ref.RunID)) + "/leases/" + strconv.Itoa(ref.Epoch) + "/"
}
