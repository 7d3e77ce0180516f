package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// run is one lease being carried out.
type run struct {
	*worker
	job      *workerapi.Job
	lease    *lease
	log      *journal
	masker   *secrets.Masker
	work     context.Context // what processes run under, see workContext
	state    domain.RunState // the last one that the control plane took
	applying atomic.Bool     // the apply has begun: do not interrupt it lightly

	dir        string               // private directory of the lease
	sockets    string               // another one, with a short path
	programs   string               // has the tool by its name; empty: the run brings it
	commit     string               // hash of what is checked out
	fileConfig domain.RuntimeConfig // of the repository
	ws         *os.Root             // the workspace in it
	project    *os.Root             // the project root in the workspace
	vendor     vendor
	box        place // where its processes live
	shell      shell
	plan       *planned
	endWork    context.CancelCauseFunc
	unlimit    func() bool // takes the limit off the phase; nil: there is none
	changes    bool        // the plan has something to apply
	onlyTold   bool        // what the plan changes was told by planning it

	federation federation
}

// errShutdown is the cause that ends a plan when the worker shuts down.
var errShutdown = &tofu.Stop{Reason: "worker shut down", Grace: shutdownGrace}

// run executes a job and returns the state that it left the run in, as far as
// the control plane was told.
func (w *worker) run(ctx context.Context, job *workerapi.Job) (domain.RunState, error) {
	r := &run{worker: w, job: job, box: onMachine, masker: secrets.NewMasker(secretValues(job))}
	r.masker.WellKnown = job.MaskWellKnown
	r.chooseVendor()
	r.lease = newLease(ctx, w.api, job.Ref, job.LeaseTTL, r.applying.Load)
	r.lease.long = job.ApplyTTL
	defer r.lease.end(nil)
	go r.lease.keep()

	first := firstState(job.Phase)
	r.log = newJournal(r.lease, r.masker, first)
	defer r.log.close()
	defer r.cleanUp()

	var done func()
	r.work, done = r.workContext(ctx)
	defer done()
	err := r.advance(workerapi.Advance{To: first})
	if err == nil {
		err = r.carryOut(r.work)
	}
	switch {
	case err == nil || silent(err):
		return r.state, err
	case r.lease.ctx.Err() != nil:
		return r.state, context.Cause(r.lease.ctx)
	case errors.Is(err, errStopped) || errors.Is(context.Cause(r.work), errStopped):
		return r.stop()
	case r.work.Err() != nil:
		return r.fail(&tofu.Ended{Cause: context.Cause(r.work), Killed: killed(err)})
	default:
		return r.fail(err)
	}
}

// firstState is the state that a lease of a phase begins with.
func firstState(p workerapi.Phase) domain.RunState {
	switch p {
	case workerapi.PhaseApply:
		return domain.RunPreparingApply
	case workerapi.PhaseReplan:
		return domain.RunPreparingReplan
	default:
		return domain.RunPreparing
	}
}

// stop ends a run that somebody has stopped; no hook runs any more.
func (r *run) stop() (domain.RunState, error) {
	r.federation.settle()
	r.log.lines.Flush()
	r.log.say("Stopped")
	return r.state, r.advance(workerapi.Advance{To: domain.RunStopped})
}

// workContext is what processes run under: it ends with the lease, when a phase
// takes too long, and some time after a shutdown has begun.
func (r *run) workContext(ctx context.Context) (context.Context, func()) {
	work, cancel := context.WithCancelCause(r.lease.work)
	r.endWork = cancel
	unhook := context.AfterFunc(ctx, func() {
		r.outlast(work)
		cancel(errShutdown)
	})
	return work, func() {
		unhook()
		r.phaseEnds()
		cancel(nil)
	}
}

// outlast waits as long as a shutdown waits for this run.
func (r *run) outlast(work context.Context) {
	patience, stop := context.WithCancel(work)
	defer stop()
	defer context.AfterFunc(r.cfg.Abort, stop)()
	sleep(patience, r.cfg.DrainTimeout)
	if r.applying.Load() {
		sleep(patience, r.cfg.ApplyGrace-r.cfg.DrainTimeout)
	}
}

func (r *run) carryOut(ctx context.Context) error {
	r.greet()
	switch {
	case r.job.FailReason != "":
		return errors.New(r.job.FailReason)
	case r.job.Phase == workerapi.PhaseApply:
		return r.applyKept(ctx)
	case r.job.Phase == workerapi.PhaseReplan:
		return r.planAgain(ctx)
	case r.job.Phase == workerapi.PhasePlan && r.job.RunType == domain.RunTask:
		return r.perform(ctx)
	case r.job.Phase == workerapi.PhasePlan && r.job.RunType == domain.RunDestroy:
		return r.destroy(ctx)
	case r.job.Phase == workerapi.PhasePlan:
		return r.planAndMaybeApply(ctx)
	default:
		return fmt.Errorf("this worker does not know the phase %q", r.job.Phase)
	}
}

// greet begins the log.
func (r *run) greet() {
	for _, n := range r.job.Notices {
		r.log.say(n)
	}
	for _, e := range r.job.Env {
		if plain, _, _ := domain.StageOf(e.Name); tofu.Reserved(plain) {
			r.log.say(fmt.Sprintf("Variable %s is ignored: the worker sets it, or it would load foreign code into the worker's processes", e.Name))
			continue
		}
		r.sayUnmasked(e)
	}
}

// sayUnmasked tells of a secret that the log may show.
func (r *run) sayUnmasked(e workerapi.EnvVar) {
	if e.Secret && e.Value != "" && len(e.Value) < secrets.MinMaskable {
		r.log.say(fmt.Sprintf("The value of %s is not masked: it is shorter than %d characters and would garble the log", e.Name, secrets.MinMaskable))
	}
}

// fail ends the run in FAILED with err as its note.
func (r *run) fail(err error) (domain.RunState, error) {
	r.federation.settle()
	note := r.masker.Mask(err.Error())
	r.log.lines.Flush()
	r.log.say("Failed: " + note)
	rescued := r.rescueState()
	if rescued {
		r.handOverRescued()
	}
	interrupted := rescued || r.applying.Load() && killed(err)
	end := workerapi.Advance{To: domain.RunFailed, Note: note, Interrupted: interrupted}
	if r.applying.Load() && !interrupted && !r.job.SkipInit && r.work.Err() == nil {
		end.Entities = r.entities(r.work) // what was made before it failed is there
	}
	if r.work.Err() == nil {
		r.afterRun(domain.RunFailed)
	}
	if refused := r.advance(end); refused != nil {
		return r.state, errors.Join(err, refused)
	}
	return r.state, err
}

// advance sends the log so far and moves the run on.
func (r *run) advance(a workerapi.Advance) error {
	_, err := r.advanceReply(a)
	return err
}

func (r *run) advanceReply(a workerapi.Advance) (workerapi.AdvanceReply, error) {
	var reply workerapi.AdvanceReply
	taken, err := r.giveLog(&a)
	if err != nil && a.To != domain.RunFailed {
		return reply, fmt.Errorf("store the log: %w", err)
	}
	a.Ref = r.job.Ref
	err = r.lease.try(func(ctx context.Context) (err error) {
		reply, err = r.api.Advance(ctx, a)
		return err
	})
	taken(err == nil)
	if err != nil {
		return reply, fmt.Errorf("advance to %s: %w", a.To, err)
	}
	if reply.Stop {
		return reply, errStopped
	}
	if reply.Hold {
		return reply, nil
	}
	r.state = a.To
	r.log.enter(a.To)
	r.limitPhase(a.To)
	if a.To.Writes() {
		return reply, r.enterWriting()
	}
	return reply, nil
}

// giveLog sends the log so far, or lets a report bring it along where the control
// plane takes that: one message, and one commit, instead of two.
func (r *run) giveLog(a *workerapi.Advance) (taken func(bool), err error) {
	if !r.job.LogWithAdvance {
		return func(bool) {}, r.log.flush()
	}
	a.Log, taken, err = r.log.handOver()
	if err != nil {
		return func(bool) {}, err
	}
	return taken, nil
}

// prepare makes the lease's private directory and what OpenTofu needs in it.
func (r *run) prepare() error {
	var err error
	if r.dir, err = r.dirs.newRun(dirName(r.job.Ref)); err != nil {
		return err
	}
	if err := os.WriteFile(r.path(proofFile), []byte(r.job.Ref.Secret), 0o600); err != nil {
		return fmt.Errorf("make the run's directory: %w", err)
	}
	for _, name := range []string{"workspace", "home", "tmp", "out", "root"} {
		if err := os.Mkdir(filepath.Join(r.dir, name), 0o700); err != nil {
			return fmt.Errorf("make the run's directory: %w", err)
		}
	}
	if r.ws, err = os.OpenRoot(r.path("workspace")); err != nil {
		return fmt.Errorf("make the run's directory: %w", err)
	}
	if r.sockets, err = makeSockets(r.dir); err != nil {
		return fmt.Errorf("make the run's directory: %w", err)
	}
	if err := r.beginFederation(); err != nil {
		return err
	}
	var services tofu.Services
	if s := r.job.Services; s != nil {
		services = tofu.Services{Hosts: s.Hosts, States: s.States, Token: s.Token}
	}
	return tofu.WriteCLIConfig(r.path("tofu.rc"), r.cfg.CLIConfig, services)
}

func (r *run) path(name string) string { return filepath.Join(r.dir, name) }

// cleanUp removes everything that the lease has left on the worker.
func (r *run) cleanUp() {
	if r.dir == "" {
		return
	}
	killResidue(r.dir)
	r.federation.keeper.Wait()
	r.box.Close()
	r.rescueState()
	for _, root := range []*os.Root{r.project, r.ws} {
		if root != nil {
			_ = root.Close() // the tree below goes next
		}
	}
	removeSockets(r.dir)
	removeAll(r.dir)
}

// killed reports whether a process was ended by force: it had no time to store
// what it had made.
func killed(err error) bool {
	var failed *tofu.CommandError
	var ended *tofu.Ended
	return errors.As(err, &failed) && failed.ExitCode < 0 || errors.As(err, &ended) && ended.Killed
}

// rescueState keeps a state that the control plane did not take, and reports
// whether there is one.
func (r *run) rescueState() bool {
	if r.dir == "" || !r.applying.Load() {
		return false
	}
	kept, err := r.dirs.rescue(r.dir, dirName(r.job.Ref))
	if kept != "" {
		r.log.say("OpenTofu could not store the state; it is kept on the worker in " + filepath.Join("rescued", filepath.Base(kept)))
		r.cfg.Logger.Error("a state could not be stored", "run", r.job.Ref.RunID, "kept", kept)
		_ = r.project.Remove(erroredState)
	}
	if err != nil {
		r.cfg.Logger.Error("a state could not be kept", "run", r.job.Ref.RunID, "error", err)
	}
	return kept != "" || err != nil
}

// dirName is safe in a path whatever the id holds.
func dirName(ref workerapi.LeaseRef) string {
	id := []byte(ref.RunID)
	for i, c := range id {
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			id[i] = '_'
		}
	}
	return fmt.Sprintf("%s-%d", id[:min(len(id), 64)], ref.Epoch)
}
