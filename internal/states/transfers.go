package states

import (
	"context"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Transfers are what URLs of their own right are made with.
type Transfers struct {
	BaseURL string // where clients reach this server
	New     func() string
	Hash    func(secret string) []byte
}

// TransferPath is where the URLs of transfers lie below the base URL.
const TransferPath = "/transfers/"

// Upload is a place to upload a state to.
type Upload struct {
	ID  domain.TransferID // names what was uploaded
	URL string
}

// DownloadURL returns a URL that gives the current state of a stack once,
// within a minute and without other credentials, under the rule of Reachable.
// What the caller may do is decided again when it is used.
func (s *Service) DownloadURL(ctx context.Context, id domain.StackID) (url string, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, permit, err := s.open(ctx, tx, "state.download_url", id)
		if err != nil {
			return err
		}
		v, err := tx.CurrentState(ctx, id)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return domain.Conflict("stack %s has no state yet", id)
		}
		if err != nil {
			return err
		}
		t := domain.Transfer{Kind: domain.StateDownload, StackID: id, Version: v.ID, ExpiresAt: tx.Now().Add(domain.StateDownloadTime)}
		_, url, err = s.offer(ctx, tx, permit.Noting("version "+string(v.ID)), t)
		return err
	})
	return url, err
}

// UploadURL returns a URL to upload a state to, once. What was uploaded gives
// nothing until its uploader names it in a change that he may make.
func (s *Service) UploadURL(ctx context.Context) (up Upload, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		op := access.Op{Event: "state.upload_url", Object: access.Object{Kind: access.KindState, Noun: "upload"}}
		permit, err := s.gate.Caller(ctx, tx, op)
		if err != nil {
			return err
		}
		n, err := tx.CountTransfers(ctx, access.Name(ctx), domain.StateUpload)
		if err != nil {
			return err
		}
		if n >= domain.MaxStateUploads {
			return domain.Conflict("%d uploads are open already; use one of them, or wait until they expire", n)
		}
		t := domain.Transfer{Kind: domain.StateUpload, ExpiresAt: tx.Now().Add(domain.StateUploadTime)}
		up.ID, up.URL, err = s.offer(ctx, tx, permit, t)
		return err
	})
	return up, err
}

// offer keeps a new transfer of the caller and returns its URL.
func (s *Service) offer(ctx context.Context, tx Tx, p access.Permit, t domain.Transfer) (domain.TransferID, string, error) {
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return "", "", err
	}
	secret := s.Transfers.New()
	t.ID, t.Hash = domain.TransferID(s.ids.ULID()), s.Transfers.Hash(secret)
	t.By = domain.Requester{Subject: caller.Subject, Name: caller.Name, Run: caller.Run, Epoch: caller.Epoch, Stack: caller.Stack}
	if t.StackID == "" {
		p = p.About(string(t.ID))
	}
	return t.ID, strings.TrimRight(s.Transfers.BaseURL, "/") + TransferPath + secret, tx.InsertTransfer(ctx, p, t)
}

// Download returns what a download URL is for, and spends the URL.
func (s *Service) Download(ctx context.Context, secret string) (p Pulled, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		t, as, err := s.redeem(ctx, tx, tx.LockTransfer, secret, domain.StateDownload, domain.RefusedStateDownload)
		if err != nil {
			return err
		}
		if t.Kind == domain.RefusedStateDownload {
			p, err = s.pullRefused(as, tx, t.StackID, domain.RefusedStateID(t.Version))
		} else {
			p, err = s.pullVersion(as, tx, t.Version)
		}
		if err != nil {
			return err
		}
		return s.spend(func(permit access.Permit) error { return tx.DropTransfer(ctx, permit, t.ID) })
	})
	return s.pulled(ctx, p, err)
}

// CheckUpload returns who has asked for an upload URL, by the name of the audit
// trail. It refuses who has none that works, so that nothing is read of him. Upload
// decides anew.
func (s *Service) CheckUpload(ctx context.Context, secret string) (by string, err error) {
	err = s.view(ctx, func(tx Tx) error {
		t, _, err := s.redeem(ctx, tx, tx.Transfer, secret, domain.StateUpload)
		by = t.By.Name
		return err
	})
	return by, err
}

// noTransfer answers for every URL that does not work.
func noTransfer() error {
	return domain.Unauthenticated("the URL was used before, has expired, or never was one")
}

// Upload keeps a state under an upload URL, and spends the URL. A body that is
// no state is refused, and the URL stays good for a better one.
func (s *Service) Upload(ctx context.Context, secret string, body []byte) error {
	f, err := domain.ReadState(body)
	if err != nil {
		return s.knows(ctx, secret, err)
	}
	return s.db.Change(ctx, func(tx Tx) error {
		t, ctx, err := s.redeem(ctx, tx, tx.LockTransfer, secret, domain.StateUpload)
		if err != nil {
			return err
		}
		op := access.Op{Event: "state.upload", Object: access.Object{Kind: access.KindState, ID: string(t.ID), Noun: "upload"}}
		permit, err := s.gate.Caller(ctx, tx, op)
		if err != nil {
			return err
		}
		t.Size, t.ExpiresAt = len(f.Body), tx.Now().Add(domain.StateUploadKept)
		return tx.FillTransfer(ctx, permit, t, f.Body)
	})
}

// knows returns err to whoever has a good URL, and to nobody else.
func (s *Service) knows(ctx context.Context, secret string, err error) error {
	lookErr := s.db.Change(ctx, func(tx Tx) error {
		_, _, err := s.redeem(ctx, tx, tx.LockTransfer, secret, domain.StateUpload)
		return err
	})
	if lookErr != nil {
		return lookErr
	}
	return err
}

// find is how a transfer is found: to look at it, or to hold it.
type find func(ctx context.Context, kind domain.TransferKind, hash []byte) (domain.Transfer, error)

// redeem finds the transfer of a URL, which is of one of some kinds, and returns a
// context in which its maker calls, as he is now: what he was is not what counts.
// Who could not ask for the URL any more gets nothing by it.
func (s *Service) redeem(ctx context.Context, tx Tx, find find, secret string, kinds ...domain.TransferKind) (t domain.Transfer, _ context.Context, err error) {
	hash := s.Transfers.Hash(secret)
	for _, kind := range kinds {
		if t, err = find(ctx, kind, hash); domain.ErrorCode(err) != domain.CodeNotFound {
			break
		}
	}
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return t, ctx, noTransfer()
	}
	if err != nil {
		return t, ctx, err
	}
	caller := access.Caller{Subject: t.By.Subject, Name: t.By.Name, Run: t.By.Run, Epoch: t.By.Epoch, Stack: t.By.Stack}
	if caller.Stack == "" {
		return t, access.WithCaller(ctx, caller), s.here(ctx, tx, t)
	}
	run, err := tx.Run(ctx, caller.Run)
	if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
		return t, ctx, err
	}
	if err != nil || run.Epoch != caller.Epoch || !run.State.Speaks() {
		return t, ctx, domain.Unauthenticated("the run that asked for this URL is not active")
	}
	caller.Subject.ReadOnly = !run.State.Writes()
	return t, access.WithCaller(ctx, caller), nil
}

// here refuses the URL of somebody who may not come himself any more: a key that
// has expired still has its roles.
func (s *Service) here(ctx context.Context, tx Tx, t domain.Transfer) error {
	here, err := s.gate.Here(ctx, tx, t.By.Subject.Actor)
	if err != nil || here {
		return err
	}
	object := string(t.StackID)
	if object == "" {
		object = string(t.ID)
	}
	return access.Attempt(t.By.Name, "state.transfer", object, "who asked for the URL has expired or was deleted",
		domain.Unauthenticated("who asked for this URL has expired or was deleted"))
}

// spend makes a change that only keeps books; the record is that of the use.
func (s *Service) spend(fn func(p access.Permit) error) error {
	permit, err := s.gate.System(access.SystemStateStore, access.KindState, "")
	if err != nil {
		return err
	}
	return fn(permit)
}

// Sweep forgets transfers that have expired and returns how many.
func (s *Service) Sweep(ctx context.Context) (n int, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		return s.spend(func(p access.Permit) error {
			dropped, err := tx.DropEndedTransfers(ctx, p)
			n = int(dropped)
			return err
		})
	})
	return n, err
}
