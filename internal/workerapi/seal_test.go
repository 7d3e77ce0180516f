package workerapi

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
)

// sealed is a pool with a key: what the server knows, and what a worker holds.
func sealed(t *testing.T, pool domain.WorkerPoolID) (PoolKeys, *PoolKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	keys := func(_ context.Context, id domain.WorkerPoolID) (string, error) {
		if id == pool {
			return text, nil
		}
		return "", nil
	}
	return keys, &PoolKey{Pool: pool, Private: key}
}

// given is a whole job as it crosses the wire for a question of a worker.
func given(t *testing.T, keys PoolKeys, pool domain.WorkerPoolID, req LeaseRequest, job *Job) *Job {
	t.Helper()
	s, err := newSealer(t.Context(), keys, pool, req.Key, req.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.seal(job)
	if err != nil {
		t.Fatal(err)
	}
	wire, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	back := &Job{}
	if err := json.Unmarshal(wire, back); err != nil {
		t.Fatal(err)
	}
	return back
}

// TestCase88SealedJob: only a holder of the pool's key reads a job, and only as
// the answer to his own question, for the lease that it was made for.
func TestCase88SealedJob(t *testing.T) {
	keys, key := sealed(t, "pool-1")
	_, stranger := sealed(t, "pool-1")
	ask := func(k *PoolKey) LeaseRequest {
		var req LeaseRequest
		var err error
		if req.Key, req.Nonce, err = k.ask(); err != nil {
			t.Fatal(err)
		}
		return req
	}
	req, want := ask(key), wholeJob()
	answer := given(t, keys, "pool-1", req, want)
	wire, _ := json.Marshal(answer)
	for _, secret := range []string{"https://e.com/a", `"env"`, `"password"`} { // names, as base64 may end in any short value
		if strings.Contains(string(wire), secret) {
			t.Errorf("%s shows in %s", secret, wire)
		}
	}
	got, err := key.open(answer, req)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Fatalf("opened job differs:\n%s%v", diff, err)
	}
	refuse := func(name string, k *PoolKey, answer *Job, req LeaseRequest) {
		t.Helper()
		if job, err := k.open(answer, req); domain.ErrorCode(err) != domain.CodeConflict || job != nil {
			t.Errorf("%s: %+v, %v", name, job, err)
		}
	}
	refuse("replayed to another question", key, answer, ask(key))
	refuse("without a key", nil, answer, req)
	refuse("with another key", stranger, answer, req)
	refuse("in the clear", key, want, req)
	for name, change := range map[string]func(*Job){
		"another run":     func(j *Job) { j.Ref.RunID = "other" },
		"another attempt": func(j *Job) { j.Ref.Epoch++ },
		"tampered":        func(j *Job) { j.Sealed[len(j.Sealed)/2] ^= 1 },
		"cut":             func(j *Job) { j.Sealed = j.Sealed[:10] },
	} {
		changed := *answer
		changed.Sealed = append([]byte(nil), answer.Sealed...)
		change(&changed)
		refuse(name, key, &changed, req)
	}
	other := *key
	other.Pool = "pool-2"
	refuse("another pool", &other, answer, req)

	for name, bad := range map[string]LeaseRequest{"no key": {}, "another key": ask(stranger), "no nonce": {Key: req.Key}} {
		if _, err := newSealer(t.Context(), keys, "pool-1", bad.Key, bad.Nonce); domain.ErrorCode(err) != domain.CodeForbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	if open := given(t, keys, domain.DefaultWorkerPool, LeaseRequest{}, want); !cmp.Equal(open, want) {
		t.Error("the built-in pool's jobs are sealed")
	}
}

// TestCase88SealedFederationToken: the same for a token that a worker asks for
// while a run goes on; neither answer passes for the other.
func TestCase88SealedFederationToken(t *testing.T) {
	keys, key := sealed(t, "pool-1")
	question := func() FederateRequest {
		q := FederateRequest{LeaseRef: ref}
		var err error
		if q.Key, q.Nonce, err = key.ask(); err != nil {
			t.Fatal(err)
		}
		return q
	}
	q, want := question(), FederateReply{Token: "a.b.c", Life: time.Hour}
	s, err := newSealer(t.Context(), keys, "pool-1", q.Key, q.Nonce)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.sealToken(ref, want)
	if err != nil || answer.Token != "" || bytes.Contains(answer.Sealed, []byte("a.b.c")) {
		t.Fatalf("%+v, %v", answer, err)
	}
	if got, err := key.openToken(answer, q); err != nil || !cmp.Equal(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	for name, bad := range map[string]func() (FederateReply, error){
		"another question": func() (FederateReply, error) { return key.openToken(answer, question()) },
		"another lease": func() (FederateReply, error) {
			other := q
			other.Epoch++
			return key.openToken(answer, other)
		},
		"another run": func() (FederateReply, error) {
			other := q
			other.RunID = "other"
			return key.openToken(answer, other)
		},
		"in the clear":  func() (FederateReply, error) { return key.openToken(want, q) },
		"without a key": func() (FederateReply, error) { return (*PoolKey)(nil).openToken(answer, q) },
	} {
		if got, err := bad(); domain.ErrorCode(err) != domain.CodeConflict || got.Token != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if job, err := key.open(&Job{Ref: ref, Sealed: answer.Sealed}, LeaseRequest{Nonce: q.Nonce}); err == nil {
		t.Errorf("a token passed for a job: %+v", job)
	}
}
