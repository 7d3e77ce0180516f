package workerapi

import (
	"context"
	"crypto"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/secrets"
)

// PoolKeys tells the certificate of a pool in PEM form; empty for a pool whose
// jobs are not sealed.
type PoolKeys func(ctx context.Context, pool domain.WorkerPoolID) (string, error)

// purpose is what a sealed job is bound to: one lease of one run of one pool,
// and the one question that it answers.
func purpose(pool domain.WorkerPoolID, ref LeaseRef, nonce string) string {
	return strings.Join([]string{"airlock job", Version, string(pool), string(ref.RunID), strconv.Itoa(ref.Epoch), nonce}, "\n")
}

// sealer seals the jobs of one question, nil where they are not sealed.
type sealer struct {
	pool  domain.WorkerPoolID
	to    crypto.PublicKey
	nonce string
}

// newSealer refuses a worker that could not open the jobs of its pool, before
// it is given one.
func newSealer(ctx context.Context, keys PoolKeys, pool domain.WorkerPoolID, req LeaseRequest) (*sealer, error) {
	if keys == nil {
		return nil, nil
	}
	certificate, err := keys(ctx, pool)
	if err != nil || certificate == "" {
		return nil, err
	}
	to, err := secrets.CertificateKey(certificate)
	if err != nil {
		return nil, err
	}
	name, err := secrets.Fingerprint(to)
	if err != nil {
		return nil, err
	}
	if req.Key != name || req.Nonce == "" {
		return nil, &domain.Error{
			Code:    domain.CodeForbidden,
			Message: "forbidden: the runs of this worker pool are encrypted to a key that the worker does not hold: start it with the pool's config and private key",
		}
	}
	return &sealer{pool: pool, to: to, nonce: req.Nonce}, nil
}

func (s *sealer) seal(job *Job) (*Job, error) {
	if s == nil {
		return job, nil
	}
	plain, err := json.Marshal(job)
	if err != nil {
		return nil, fmt.Errorf("encode a job: %w", err)
	}
	sealed, err := secrets.SealEnvelope(s.to, purpose(s.pool, job.Ref, s.nonce), plain)
	if err != nil {
		return nil, err
	}
	return &Job{Ref: job.Ref, Sealed: sealed}, nil
}

// PoolKey is what a worker needs to open the jobs of its pool.
type PoolKey struct {
	Pool    domain.WorkerPoolID
	Private crypto.Signer
}

// ask adds to a question what its answer must be sealed for.
func (k *PoolKey) ask(req *LeaseRequest) error {
	if k == nil {
		return nil
	}
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	req.Nonce = base64.RawURLEncoding.EncodeToString(nonce[:])
	var err error
	req.Key, err = secrets.Fingerprint(k.Private.Public())
	return err
}

// open returns the job in an answer. A worker that holds a key takes nothing
// that was not sealed for it, and for this very question.
func (k *PoolKey) open(answer *Job, req LeaseRequest) (*Job, error) {
	if k == nil && answer.Sealed == nil {
		return answer, nil
	}
	if k == nil {
		return nil, domain.Conflict("run %s is encrypted to a key that this worker does not hold", answer.Ref.RunID)
	}
	plain, err := secrets.OpenEnvelope(k.Private, purpose(k.Pool, answer.Ref, req.Nonce), answer.Sealed)
	if err != nil {
		return nil, domain.Conflict("the job for run %s was not made for this worker's question: %s", answer.Ref.RunID, err)
	}
	job := &Job{}
	if err := json.Unmarshal(plain, job); err != nil || job.Ref != answer.Ref {
		return nil, domain.Conflict("the job for run %s is not one", answer.Ref.RunID)
	}
	return job, nil
}
