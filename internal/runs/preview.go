package runs

import (
	"bytes"
	"context"
	"crypto/subtle"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// UploadTokens makes what proves that an upload was asked for, and what is kept
// to recognise it.
type UploadTokens struct {
	New  func() string
	Hash func(token string) []byte
}

// Upload is where a directory may be sent, once and for a short time.
type Upload struct {
	Workspace domain.LocalWorkspaceID
	URL       string // says everything; no further credentials belong to it
}

// UploadPath is where uploads are received, below the base URL.
const UploadPath = "/uploads/workspaces/"

// AskUpload returns an address for a directory that the caller, and nobody
// else, may then preview on the stack.
func (s *Service) AskUpload(ctx context.Context, id domain.StackID) (u Upload, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		stack, op, permit, err := s.permitStack(ctx, tx, "stack.upload_local_workspace", authz.ActionStackUploadLocalWorkspace, id)
		if err != nil {
			return err
		}
		if !stack.LocalPreviewEnabled {
			return s.gate.Refuse(ctx, tx, op, noPreview(stack))
		}
		unused, err := tx.UnusedWorkspaces(ctx, access.Name(ctx))
		if err != nil {
			return err
		}
		if unused >= domain.MaxUnusedWorkspaces {
			return domain.Conflict("%d uploads wait for their runs already; use one of them, or wait until they expire", unused)
		}
		token := s.config.Uploads.New()
		w := domain.LocalWorkspace{
			ID: domain.LocalWorkspaceID(s.ids.ULID()), Stack: stack.ID, Owner: access.Name(ctx),
			TokenHash: s.config.Uploads.Hash(token), CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(domain.UploadTime),
		}
		u = Upload{Workspace: w.ID, URL: s.config.BaseURL + UploadPath + string(w.ID) + "/" + token}
		return tx.InsertLocalWorkspace(ctx, permit, w)
	})
	return u, err
}

func noPreview(stack domain.Stack) *domain.Error {
	return domain.Conflict("local preview is not enabled for stack %s", stack.ID)
}

// CheckUpload reports whether an upload would be taken, so that nothing is read
// from those who prove nothing.
func (s *Service) CheckUpload(ctx context.Context, id domain.LocalWorkspaceID, token string) error {
	return s.db.View(ctx, func(tx Tx) error {
		w, err := tx.LocalWorkspace(ctx, id)
		if err != nil {
			return err
		}
		return s.checkUpload(w, token, tx)
	})
}

func (s *Service) checkUpload(w domain.LocalWorkspace, token string, tx Tx) error {
	if subtle.ConstantTimeCompare(w.TokenHash, s.config.Uploads.Hash(token)) != 1 {
		return domain.NotFound("workspace")
	}
	if w.Size > 0 {
		return domain.Conflict("workspace %s was uploaded already: its address works once", w.ID)
	}
	if w.Expired(tx.Now()) {
		return domain.NotFound("workspace")
	}
	return nil
}

// gzipMagic begins every gzip stream.
var gzipMagic = []byte{0x1f, 0x8b}

// PutUpload keeps an uploaded directory, a gzipped tar. What is in it only
// counts on the worker, which unpacks it.
func (s *Service) PutUpload(ctx context.Context, id domain.LocalWorkspaceID, token string, body []byte) error {
	if err := s.CheckUpload(ctx, id, token); err != nil {
		return err
	}
	if len(body) > domain.MaxLocalWorkspace {
		return domain.Invalid("workspace", "must not be larger than %d bytes", domain.MaxLocalWorkspace)
	}
	if !bytes.HasPrefix(body, gzipMagic) {
		return domain.Invalid("workspace", "must be a gzipped tar archive")
	}
	kept, err := s.db.StageLocalWorkspace(ctx, id, body)
	if err != nil {
		return err
	}
	return s.db.Change(ctx, func(tx Tx) error {
		w, err := tx.LockLocalWorkspace(ctx, id)
		if err != nil {
			return err
		}
		if err := s.checkUpload(w, token, tx); err != nil {
			return err
		}
		permit, err := s.gate.System(access.SystemUpload, access.KindRun, string(id))
		if err != nil {
			return err
		}
		w.Size, w.ExpiresAt = int64(len(body)), tx.Now().Add(domain.LocalWorkspaceTime)
		return tx.PutLocalWorkspace(ctx, permit, w, kept)
	})
}

// ProposeInput is what a caller asks for with a proposed run.
type ProposeInput struct {
	Stack     domain.StackID
	Workspace domain.LocalWorkspaceID // of ProposeLocal
	Commit    string                  // of ProposeWith; empty: the head of the stack's branch
	Settings  domain.RunSettings      // for this run only
	Metadata  string                  // kept as it came
}

// ProposeLocal queues a proposed run of a directory that the caller uploaded
// (security path E3, case 34).
func (s *Service) ProposeLocal(ctx context.Context, in ProposeInput) (run domain.Run, err error) {
	return s.propose(ctx, "run.propose_local_workspace", authz.ActionRunProposeLocalWorkspace, in,
		func(tx Tx, stack domain.Stack, op access.Op, run *domain.Run) error {
			if !stack.LocalPreviewEnabled {
				return s.gate.Refuse(ctx, tx, op, noPreview(stack))
			}
			w, err := tx.LockLocalWorkspace(ctx, in.Workspace)
			if err == nil && (w.Stack != stack.ID || w.Owner != access.Name(ctx) || w.Expired(tx.Now())) {
				err = domain.NotFound("workspace")
			}
			switch {
			case err != nil:
				return err
			case w.Size == 0:
				return domain.Conflict("workspace %s was not uploaded yet", w.ID)
			case w.Run != "":
				return domain.Conflict("workspace %s is used by run %s; upload it again, or retry that run", w.ID, w.Run)
			}
			run.Title, run.Request.Workspace, run.Commit = "Local preview", w.ID, domain.Commit{}
			return nil
		})
}

// ProposeWith queues a proposed run of a commit with other values of variables
// (security path E3).
func (s *Service) ProposeWith(ctx context.Context, in ProposeInput) (run domain.Run, err error) {
	return s.propose(ctx, "run.propose_with_overrides", authz.ActionRunProposeWithOverrides, in,
		func(_ Tx, _ domain.Stack, _ access.Op, run *domain.Run) error {
			if in.Commit != "" && !commitName.MatchString(in.Commit) {
				return domain.Invalid("commitSha", "must be a commit hash of 7 to 64 hexadecimal digits")
			}
			run.Title = "Proposed with overrides"
			if in.Commit != "" {
				run.Commit = domain.Commit{Hash: in.Commit}
			}
			return nil
		})
}

func (s *Service) propose(ctx context.Context, event string, action authz.Action, in ProposeInput,
	fill func(tx Tx, stack domain.Stack, op access.Op, run *domain.Run) error,
) (run domain.Run, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		stack, op, permit, err := s.permitStack(ctx, tx, event, action, in.Stack)
		if err != nil {
			return err
		}
		if err := in.Settings.Check(); err != nil {
			return err
		}
		if err := domain.CheckText("metadata", in.Metadata); err != nil {
			return err
		}
		run = s.newRun(ctx, tx, stack, domain.RunProposed)
		run.Metadata = in.Metadata
		if err := fill(tx, stack, op, &run); err != nil {
			return err
		}
		if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
			return err
		}
		run.ActedAs = permit.ActedAs()
		return s.beginWith(ctx, tx, permit, &run, in.Settings)
	})
	return run, err
}

// beginWith is begin for a run with an upload or with settings of its own.
func (s *Service) beginWith(ctx context.Context, tx Tx, permit access.Permit, run *domain.Run, settings domain.RunSettings) error {
	own := len(settings.Env) > 0 || settings.Config != nil
	if err := s.enter(ctx, tx, permit, run, !own); err != nil {
		return err
	}
	permit = permit.For(access.KindRun).About(string(run.ID))
	if own {
		if err := tx.SetRunSettings(ctx, permit, run.ID, settings); err != nil {
			return err
		}
	}
	if run.Request.Workspace == "" {
		return nil
	}
	return tx.UseLocalWorkspace(ctx, permit, run.Request.Workspace, run.ID)
}

// override replaces variables of the run, or adds them. What replaces a secret
// is one.
func override(env []Variable, settings domain.RunSettings) []Variable {
	for _, e := range settings.Env {
		found := false
		for i := range env {
			if env[i].Name == e.Name {
				env[i].Value, found = e.Value, true
			}
		}
		if !found {
			env = append(env, Variable{Name: e.Name, Value: e.Value})
		}
	}
	return env
}

// SweepUploads forgets the uploads that have expired and returns how many.
func (s *Service) SweepUploads(ctx context.Context) (n int, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		permit, err := s.gate.System(access.SystemSweeper, access.KindRun, "")
		if err != nil {
			return err
		}
		n, err = tx.DropLocalWorkspaces(ctx, permit)
		return err
	})
	return n, err
}
