package workerapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

func (c *Client) call(ctx context.Context, path string, question, reply any) error {
	return c.callWithin(ctx, callTimeout, path, question, reply)
}

func (c *Client) callWithin(ctx context.Context, patience time.Duration, path string, question, reply any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	resp, err := c.retry(ctx, http.MethodPost, path, content{mediaType: typeJSON, body: bytes.NewReader(body)})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return decode(resp.Body, reply)
}

// errConnection marks a request that got no answer at all.
var errConnection = errors.New("no answer")

// content is the body of a request.
type content struct {
	mediaType string
	body      io.Reader
	secret    string // of the lease that it is for, if the body does not hold it
}

// again reports whether the body can be read a second time.
func (c content) again() bool {
	_, ok := c.body.(io.ReaderAt)
	return c.body == nil || ok
}

// open returns the body from its start and its length, -1 if unknown. Each
// attempt gets a reader of its own: the transport may still hold the last one.
func (c content) open() (io.Reader, int64, error) {
	at, ok := c.body.(io.ReaderAt)
	seeker, sized := c.body.(io.Seeker)
	switch {
	case c.body == nil:
		return nil, 0, nil
	case !ok || !sized:
		return io.NopCloser(c.body), -1, nil
	}
	size, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, fmt.Errorf("read request body: %w", err)
	}
	return io.NewSectionReader(at, 0, size), size, nil
}

// retry sends a request whose repetition changes nothing, and sends it once
// more when the connection broke.
func (c *Client) retry(ctx context.Context, method, path string, body content) (*http.Response, error) {
	resp, err := c.send(ctx, method, path, body)
	if !errors.Is(err, errConnection) || ctx.Err() != nil || !body.again() {
		return resp, err
	}
	timer := time.NewTimer(retryAfter)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, err
	case <-timer.C:
	}
	return c.send(ctx, method, path, body)
}

// send makes one request and turns a refusal into an error.
func (c *Client) send(ctx context.Context, method, path string, body content) (*http.Response, error) {
	reader, size, err := body.open()
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, reader)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	req.ContentLength = size
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("User-Agent", "airlock-worker/"+Version)
	if body.secret != "" {
		req.Header.Set(secretHeader, body.secret)
	}
	if body.mediaType != "" {
		req.Header.Set("Content-Type", body.mediaType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
			return nil, ctx.Err()
		}
		return nil, domain.Unavailable("the control plane", errors.Join(errConnection, err))
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusGone {
		return nil, ErrRestart
	}
	return nil, readError(resp)
}

func readError(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxSmallBody))
	var wire wireError
	if json.Unmarshal(body, &wire) != nil || wire.Code == "" {
		wire = wireError{Code: codeOf(resp.StatusCode), Message: "the control plane answered " + resp.Status}
	}
	if wire.Code == codeInternal || wire.Code == domain.CodeUnavailable {
		return domain.Unavailable("the control plane", fmt.Errorf("%s: %s", resp.Status, wire.Message))
	}
	return &domain.Error{Code: wire.Code, Message: wire.Message, Field: wire.Field}
}

func decode(body io.Reader, into any) error {
	raw, err := io.ReadAll(io.LimitReader(body, maxAnswer))
	if err != nil {
		return domain.Unavailable("the control plane", err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return domain.Unavailable("the control plane", fmt.Errorf("decode answer: %w", err))
	}
	return nil
}
