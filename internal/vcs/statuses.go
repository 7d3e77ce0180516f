package vcs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/outbound"
)

// Statuses sets statuses of commits by GitHub's API, which other git hosts have,
// too.
type Statuses struct {
	Client  *http.Client // of package outbound
	BaseURL string       // where people find runs, without a path
}

// longestPause is how long a host may ask to be left alone.
const longestPause = time.Hour

// Set sends one status to the URL of its commit. What it answers has nothing of
// the token, and nothing that the host has said but the number of its answer:
// the host may be one that only the server can reach.
func (s Statuses) Set(ctx context.Context, to, token string, status domain.CommitStatus) domain.Sent {
	body, err := json.Marshal(map[string]string{
		"state": strings.ToLower(string(status.State)), "description": status.Description, "context": status.Context(),
		"target_url": s.BaseURL + "/stack/" + url.PathEscape(string(status.Stack)) + "/run/" + url.PathEscape(string(status.Run)),
	})
	if err != nil {
		return domain.Sent{Error: err.Error(), Final: true}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return domain.Sent{Error: "the repository's URL makes no address of an API", Final: true}
	}
	r.Header = http.Header{
		"Accept": {"application/vnd.github+json"}, "Authorization": {"Bearer " + token}, "Content-Type": {"application/json"},
		"User-Agent": {"Airlock"}, "X-Github-Api-Version": {"2022-11-28"}, "X-Airlock-Delivery": {status.ID()},
	}
	answer, err := s.Client.Do(r)
	if err != nil {
		return domain.Sent{Error: unanswered(r.URL.Host, err), Down: true}
	}
	_ = answer.Body.Close() // nothing of it is read
	return judge(r.URL.Host, answer)
}

// unanswered says why there was no answer, without what lies behind the name.
func unanswered(host string, err error) string {
	var late interface{ Timeout() bool }
	switch {
	case errors.Is(err, outbound.ErrNotAllowed):
		return fmt.Sprintf("%s is not at a public address, nor at one that --outbound-allow names", host)
	case errors.As(err, &late) && late.Timeout():
		return host + " did not answer in time"
	default:
		return host + " cannot be reached, or is not who it says"
	}
}

func judge(host string, answer *http.Response) domain.Sent {
	code := answer.StatusCode
	said := func(what string) string { return fmt.Sprintf("%s %s (%d)", host, what, code) }
	switch {
	case code == http.StatusCreated:
		return domain.Sent{}
	case code >= 300 && code < 400:
		return domain.Sent{Error: said("says that the repository is elsewhere; tokens are not sent there: give the stack its present URL"), Final: true}
	case code == http.StatusUnauthorized:
		return domain.Sent{Error: said("does not take the token")}
	case code == http.StatusForbidden || code == http.StatusTooManyRequests:
		return domain.Sent{Error: said("does not let the token set statuses, or not so many"), After: pause(answer.Header)}
	case code == http.StatusNotFound:
		return domain.Sent{Error: said("does not know the repository, or the token may not set statuses there")}
	case code == http.StatusUnprocessableEntity:
		return domain.Sent{Error: said("does not know the commit, or has too many statuses of it"), Final: true}
	case code >= 500 || code == http.StatusRequestTimeout:
		return domain.Sent{Error: said("could not take the status"), After: pause(answer.Header)}
	default:
		return domain.Sent{Error: said("does not take statuses like this"), Final: true}
	}
}

func pause(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(min(seconds, 86400))*time.Second, longestPause)
}
