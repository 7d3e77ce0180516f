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

// What is sealed.
const (
	sealedJob        = "airlock job"
	sealedFederation = "airlock federation token"
)

// purpose is what a sealed answer is bound to: what it is, one lease of one run
// of one pool, and the one question that it answers.
func purpose(what string, pool domain.WorkerPoolID, ref LeaseRef, nonce string) string {
	return strings.Join([]string{what, Version, string(pool), string(ref.RunID), strconv.Itoa(ref.Epoch), nonce}, "\n")
}

// sealer seals the answer to one question, nil where it is not sealed.
type sealer struct {
	pool  domain.WorkerPoolID
	to    crypto.PublicKey
	nonce string
}

// newSealer refuses a worker that could not open the answers to its pool, before
// it is given one.
func newSealer(ctx context.Context, keys PoolKeys, pool domain.WorkerPoolID, key, nonce string) (*sealer, error) {
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
	if key != name || nonce == "" {
		return nil, &domain.Error{
			Code:    domain.CodeForbidden,
			Message: "forbidden: the runs of this worker pool are encrypted to a key that the worker does not hold: start it with the pool's config and private key",
		}
	}
	return &sealer{pool: pool, to: to, nonce: nonce}, nil
}

func (s *sealer) seal(job *Job) (*Job, error) {
	if s == nil {
		return job, nil
	}
	sealed, err := s.encrypt(sealedJob, job.Ref, job)
	if err != nil {
		return nil, err
	}
	return &Job{Ref: job.Ref.bare(), Sealed: sealed}, nil
}

func (s *sealer) sealToken(ref LeaseRef, reply FederateReply) (FederateReply, error) {
	if s == nil {
		return reply, nil
	}
	sealed, err := s.encrypt(sealedFederation, ref, reply)
	return FederateReply{Sealed: sealed}, err
}

func (s *sealer) encrypt(what string, ref LeaseRef, answer any) ([]byte, error) {
	plain, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("encode what is to be sealed: %w", err)
	}
	return secrets.SealEnvelope(s.to, purpose(what, s.pool, ref, s.nonce), plain)
}

// PoolKey is what a worker needs to open the jobs of its pool.
type PoolKey struct {
	Pool    domain.WorkerPoolID
	Private crypto.Signer
}

// ask returns what a question says so that its answer is sealed for it.
func (k *PoolKey) ask() (key, nonce string, err error) {
	if k == nil {
		return "", "", nil
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	key, err = secrets.Fingerprint(k.Private.Public())
	return key, base64.RawURLEncoding.EncodeToString(random[:]), err
}

// open returns the job in an answer. A worker that holds a key takes nothing
// that was not sealed for it, and for this very question.
func (k *PoolKey) open(answer *Job, req LeaseRequest) (*Job, error) {
	if k == nil && answer.Sealed == nil {
		return answer, nil
	}
	job := &Job{}
	if err := k.decrypt(sealedJob, answer.Ref, req.Nonce, answer.Sealed, job); err != nil {
		return nil, err
	}
	if !job.Ref.same(answer.Ref) {
		return nil, domain.Conflict("the job for run %s is not one", answer.Ref.RunID)
	}
	return job, nil
}

// openToken is open for a token.
func (k *PoolKey) openToken(answer FederateReply, q FederateRequest) (reply FederateReply, err error) {
	if k == nil && answer.Sealed == nil {
		return answer, nil
	}
	return reply, k.decrypt(sealedFederation, q.LeaseRef, q.Nonce, answer.Sealed, &reply)
}

func (k *PoolKey) decrypt(what string, ref LeaseRef, nonce string, sealed []byte, into any) error {
	if k == nil {
		return domain.Conflict("run %s is encrypted to a key that this worker does not hold", ref.RunID)
	}
	plain, err := secrets.OpenEnvelope(k.Private, purpose(what, k.Pool, ref, nonce), sealed)
	if err != nil {
		return domain.Conflict("the answer for run %s was not made for this worker's question: %s", ref.RunID, err)
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return domain.Conflict("the answer for run %s cannot be read", ref.RunID)
	}
	return nil
}
