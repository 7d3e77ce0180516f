package runs

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// FollowPushes starts the runs that follow from pushes, until none is due, and
// returns how many pushes there were. A push and its runs are one transaction:
// none is followed twice, and none is lost. One that cannot be followed keeps no
// other waiting; it is put off, and given up in the end.
func (s *Service) FollowPushes(ctx context.Context) (n int, err error) {
	for {
		due := false
		lookErr := s.db.View(ctx, func(tx Tx) (err error) { // a look costs no write
			due, err = tx.AnyPush(ctx)
			return err
		})
		if lookErr != nil || !due {
			return n, errors.Join(err, lookErr)
		}
		var found domain.Push
		oneErr := s.db.Change(ctx, func(tx Tx) error {
			push, err := tx.NextPush(ctx)
			if found = push; domain.ErrorCode(err) == domain.CodeNotFound {
				return nil // another server is at it
			}
			if err != nil {
				return err
			}
			return s.followPush(ctx, tx, push)
		})
		switch {
		case found.ID == "" || ctx.Err() != nil || domain.ErrorCode(oneErr) == domain.CodeUnavailable:
			return n, errors.Join(err, oneErr)
		case oneErr != nil:
			failed, putErr := s.putOff(ctx, found, oneErr)
			if err = errors.Join(err, failed); putErr != nil {
				return n, errors.Join(err, putErr)
			}
		default:
			n++
		}
	}
}

func (s *Service) followPush(ctx context.Context, tx Tx, push domain.Push) error {
	permit, err := s.gate.System(access.SystemPush, access.KindRun, push.ID)
	if err != nil {
		return err
	}
	stacks, err := s.concerned(ctx, tx, push)
	if err != nil {
		return err
	}
	if len(stacks) > s.config.RunsPerPush {
		return s.refusePush(ctx, tx, push, len(stacks))
	}
	above, err := aboveOthers(ctx, tx, stacks)
	if err != nil {
		return err
	}
	// The runs above queue those below, which then need none of their own.
	slices.SortStableFunc(stacks, func(a, b domain.Stack) int { return above[a.ID] - above[b.ID] })
	var came domain.PushOutcome
	for _, stack := range stacks {
		started, err := s.startPushed(ctx, tx, permit, stack, push, above[stack.ID] > 0)
		if err != nil {
			return err
		}
		if started {
			came.Runs++
		}
	}
	switch {
	case len(stacks) == 0:
		came.Ignored = "no stack that the push can reach uses this repository and what has changed in it"
	case came.Runs == 0:
		came.Ignored = "every stack that it concerns has a run that waits and takes it along, is disabled, or is set to a commit"
	}
	return tx.EndPush(ctx, permit, push, came)
}

// RunsPerPush is how many runs may start from one push.
const RunsPerPush = 500

// refusePush starts nothing: half of the runs of a push would be no better than
// none, and a mistake in a large repository must not fill all queues.
func (s *Service) refusePush(ctx context.Context, tx Tx, push domain.Push, stacks int) error {
	reason := fmt.Sprintf("it concerns %d stacks, and at most %d runs may start from one push: see --runs-per-push; trigger the runs yourself, or set project roots", stacks, s.config.RunsPerPush)
	return s.giveUpPush(ctx, tx, push, reason)
}

// concerned holds the stacks that a push means, by id: so do others that hold
// several.
func (s *Service) concerned(ctx context.Context, tx Tx, push domain.Push) (out []domain.Stack, err error) {
	known, err := pushed(ctx, tx, push)
	if err != nil {
		return nil, err
	}
	for _, k := range known {
		stack, err := tx.LockStack(ctx, k.ID)
		if err != nil {
			return nil, err
		}
		path, err := tx.Path(ctx, stack.Space)
		if err != nil {
			return nil, err
		}
		if path.Reaches(push.Space) && concerns(stack, push) {
			out = append(out, stack)
		}
	}
	return out, nil
}

func pushed(ctx context.Context, tx Tx, push domain.Push) ([]domain.Stack, error) {
	if push.Repo != "" {
		return tx.StacksOfRepo(ctx, push.Repo)
	}
	return tx.StacksOfURL(ctx, strings.Split(push.Source, "\n"))
}

// aboveOthers counts for each stack how many of the others it depends on,
// directly or through stacks in between.
func aboveOthers(ctx context.Context, tx Tx, stacks []domain.Stack) (map[domain.StackID]int, error) {
	above := map[domain.StackID]int{}
	for _, stack := range stacks {
		edges, err := tx.DependenciesBelow(ctx, stack.ID)
		if err != nil {
			return nil, err
		}
		for _, id := range downstream(edges, stack.ID) {
			above[id]++
		}
	}
	return above, nil
}

// concerns reports whether anything has changed below the stack's project root
// or where its additional globs say.
func concerns(stack domain.Stack, push domain.Push) bool {
	root := strings.Trim(path.Clean("/"+stack.ProjectRoot), "/")
	if push.All || root == "" {
		return true
	}
	return slices.ContainsFunc(push.Files, func(name string) bool {
		if strings.HasPrefix(name, root+"/") {
			return true
		}
		return slices.ContainsFunc(stack.ProjectGlobs, func(glob string) bool {
			ok, err := doublestar.Match(strings.TrimPrefix(glob, "/"), name)
			return err == nil && ok
		})
	})
}

// startPushed starts the run of one stack, if it is to have one. A tracked run takes the head of the
// branch when it begins, not the commit that was announced: pushes that arrive
// late or twice deploy nothing old, and one run that waits is enough for all.
// Below another stack of the push it is the run that waits for that one's.
func (s *Service) startPushed(ctx context.Context, tx Tx, permit access.Permit, stack domain.Stack, push domain.Push, below bool) (started bool, err error) {
	if stack.MayStart(authz.ActorRef{}) != nil {
		return false, nil // disabled, or being deleted; a lock only lets the run wait
	}
	kind := domain.RunProposed
	if push.Repo != "" || push.Branch == stack.Branch {
		kind = domain.RunTracked
	}
	if kind == domain.RunTracked {
		if stack.Tracked != nil {
			return false, nil // somebody has set it to a commit; it stays there
		}
		open, err := tx.OpenRuns(ctx, stack.ID)
		if err != nil || slices.ContainsFunc(open, takesHead) {
			return false, err
		}
		if below {
			if done, err := s.adopt(ctx, tx, permit, open, push); err != nil || done {
				return done, err
			}
		}
	}
	run := s.newRun(ctx, tx, stack, kind)
	run.TriggeredBy, run.Title = push.By, firstLine(legible(push.Title))
	run.Commit = domain.Commit{}
	run.Request.Pushed = true
	if kind == domain.RunProposed {
		run.Branch, run.Commit.Hash = push.Branch, push.Commit
	}
	return true, s.begin(ctx, tx, permit.About(string(run.ID)), &run)
}

// takesHead reports whether a run will check out what has just been pushed.
func takesHead(run domain.Run) bool {
	waits := run.State == domain.RunQueued || run.State == domain.RunReady
	return run.Type == domain.RunTracked && run.Request.Pushed && run.Commit.Hash == "" && waits
}

// adopt makes a run that waits for the stacks above the run of a push, too: it
// begins whether or not anything has changed there.
func (s *Service) adopt(ctx context.Context, tx Tx, permit access.Permit, open []domain.Run, push domain.Push) (bool, error) {
	for _, run := range open {
		if run.Type != domain.RunTracked || run.State != domain.RunQueued || run.Commit.Hash != "" {
			continue
		}
		waits, err := tx.RunDependencies(ctx, run.ID)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(waits, func(d domain.RunDependency) bool { return d.Outcome == domain.OutcomeOpen }) {
			run.Request.Pushed, run.Title = true, firstLine(legible(push.Title))
			return true, tx.SaveRun(ctx, permit.About(string(run.ID)), run)
		}
	}
	return false, nil
}
