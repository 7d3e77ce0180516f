package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/workerapi"
)

// federation keeps the token with which the run signs in elsewhere: in memory
// for the environment of processes, and in a file that is replaced before the
// token ends. The file lies in a directory that the run's code can only read.
type federation struct {
	begun  chan error // of the first question; nil where there are no tokens
	asking sync.Mutex // held from question to file: no older answer replaces a newer one
	token  string
	life   time.Duration
	keeper sync.WaitGroup
}

const (
	federationDir  = "identity"
	federationFile = "oidc.token"
)

func (r *run) federationPath() string { return r.path(filepath.Join(federationDir, federationFile)) }

// beginFederation asks for the first token, beside what else there is to do.
func (r *run) beginFederation() error {
	if !r.job.Federated {
		return nil
	}
	dir := r.path(federationDir)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("make the run's directory: %w", err)
	}
	if err := os.Chmod(dir, 0o711); err != nil { // whoever the run's processes are
		return fmt.Errorf("make the run's directory: %w", err)
	}
	begun := make(chan error, 1)
	r.federation.begun = begun
	r.federation.asking.Lock()
	go func() {
		defer r.federation.asking.Unlock()
		begun <- r.lease.try(r.askFederation)
	}()
	return nil
}

// openFederation puts the first token into place. The box is open by then.
func (r *run) openFederation() error {
	f := &r.federation
	if f.begun == nil {
		return nil
	}
	if err := <-f.begun; err != nil {
		return fmt.Errorf("get the run's OIDC token: %w", err)
	}
	f.asking.Lock()
	defer f.asking.Unlock()
	if err := r.placeToken(); err != nil {
		return err
	}
	f.keeper.Go(r.keepFederation)
	return nil
}

// settle waits until nobody asks: a question that comes after the end of the
// lease would be refused.
func (f *federation) settle() {
	f.asking.Lock()
	defer f.asking.Unlock()
}

// renewFederation replaces the token when the run has entered another state.
func (r *run) renewFederation() error {
	f := &r.federation
	if f.begun == nil {
		return nil
	}
	f.asking.Lock()
	defer f.asking.Unlock()
	if err := r.lease.try(r.askFederation); err != nil {
		return fmt.Errorf("get the run's OIDC token: %w", err)
	}
	return r.placeToken()
}

// keepFederation replaces the token before it ends, until the run does.
func (r *run) keepFederation() {
	f := &r.federation
	f.asking.Lock()
	wait := f.life / 2
	f.asking.Unlock()
	for {
		sleep(r.work, wait)
		if r.work.Err() != nil {
			return
		}
		f.asking.Lock()
		err := r.askFederation(r.work)
		if err == nil {
			err = r.placeToken()
		}
		wait = f.life / 2
		f.asking.Unlock()
		if err != nil && r.work.Err() == nil {
			r.cfg.Logger.Warn("could not renew an OIDC token", "run", r.job.Ref.RunID, "error", err)
			wait /= 10
		}
	}
}

// askFederation is called with asking held.
func (r *run) askFederation(ctx context.Context) error {
	reply, err := r.api.Federate(ctx, workerapi.FederateRequest{LeaseRef: r.job.Ref})
	if err != nil {
		return err
	}
	r.masker.Hide(reply.Token)
	r.federation.token, r.federation.life = reply.Token, max(reply.Life, time.Second)
	return nil
}

// placeToken writes the file, whole or not at all; asking is held.
func (r *run) placeToken() error {
	fresh := r.federationPath() + ".new"
	err := os.WriteFile(fresh, []byte(r.federation.token), 0o400)
	if err == nil {
		err = r.box.Give(fresh)
	}
	if err == nil {
		err = os.Rename(fresh, r.federationPath())
	}
	if err != nil {
		_ = os.Remove(fresh) // what went wrong is told already
		return fmt.Errorf("write the run's OIDC token: %w", err)
	}
	return nil
}

// federationVariables are how processes find the token. Other variables can
// refer to them.
func (r *run) federationVariables() []workerapi.EnvVar {
	if r.federation.begun == nil {
		return nil
	}
	r.federation.asking.Lock()
	defer r.federation.asking.Unlock()
	return []workerapi.EnvVar{
		{Name: "SPACELIFT_OIDC_TOKEN", Value: r.federation.token}, {Name: "AIRLOCK_OIDC_TOKEN", Value: r.federation.token},
		{Name: "AIRLOCK_OIDC_TOKEN_FILE", Value: r.federationPath()},
	}
}
