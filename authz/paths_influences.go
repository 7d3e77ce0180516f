package authz

import "slices"

// Phase says in which phases of a stack's runs something has its effect, and
// with it which of the stack's powers come along.
type Phase uint8

const (
	// PhaseAll is code in every phase: all powers of the stack.
	PhaseAll Phase = iota
	// PhasePlan is code in a plan or a proposed run, whose token only reads
	// (R25).
	PhasePlan
	// PhaseNone is no code at all: it takes away a guard that others rely on.
	// It leads nowhere by itself.
	PhaseNone
)

// String returns "all", "plan" or "none".
func (p Phase) String() string {
	names := [...]string{"all", "plan", "none"}
	if int(p) < len(names) {
		return names[p]
	}
	return "unknown"
}

// Influence is one way to change what a stack runs, and so to act with the
// roles that the stack holds (security rule G2).
type Influence struct {
	// Rule is the number of the escalation path, "E1" to "E32".
	Rule string
	// Action is what an actor does, and Also what he needs besides; zero for
	// nothing.
	Action, Also Action
	// Object is what it is done to: the stack, or something that the stack uses.
	Object EntityKind
	Phase  Phase
	// ActAs tells that ENFORCE refuses it to whoever may not act as the stack.
	ActAs bool
	// AdminOfAll tells that it takes Space admin in the space of every stack
	// that uses the object.
	AdminOfAll bool
	Sentence   string
}

// influences is rule G2 as a table: what the guard asks and what paths are made
// of. Each action occurs once for a kind of object; of several that an actor
// may do, the first one is told first.
var influences = []Influence{
	{Rule: "E1", Action: ActionTaskCreate, Object: EntityStack, ActAs: true,
		Sentence: "Run a command with the stack's token."},
	{Rule: "E2", Action: ActionStackAddConfig, Object: EntityStack, ActAs: true,
		Sentence: "Set a variable or mount a file that the tools of the run obey; the next run of anybody does it."},
	{Rule: "E2", Action: ActionStackDeleteConfig, Object: EntityStack, ActAs: true,
		Sentence: "Take away a variable or file that keeps a run in bounds."},
	{Rule: "E3", Action: ActionRunTriggerWithCustomRuntimeConfig, Object: EntityStack, ActAs: true,
		Sentence: "Start a run with hooks of one's own."},
	{Rule: "E6", Action: ActionStackUpdate, Object: EntityStack, ActAs: true,
		Sentence: "Change source, branch, hooks, worker pool or labels (E10)."},
	{Rule: "E6", Action: ActionStackManage, Object: EntityStack, ActAs: true,
		Sentence: "The same, and attach a context of one's own (E9)."},
	{Rule: "E7", Action: ActionStackSetCurrentCommit, Object: EntityStack, ActAs: true,
		Sentence: "Choose the commit that runs."},
	{Rule: "E7", Action: ActionStackSyncCommit, Object: EntityStack, ActAs: true,
		Sentence: "Let the head of the branch run instead of the commit that was chosen."},
	{Rule: "E7", Action: ActionRunPromote, Object: EntityStack, ActAs: true,
		Sentence: "Apply the commit of a proposed run."},
	{Rule: "E7", Action: ActionRunConfirm, Object: EntityStack, ActAs: true,
		Sentence: "Let a plan be applied."},
	{Rule: "E7", Action: ActionRunTargetedReplan, Object: EntityStack, ActAs: true,
		Sentence: "Choose which part of a plan is applied."},
	{Rule: "E7", Action: ActionRunRetryBlocking, Also: ActionRunTrigger, Object: EntityStack, ActAs: true,
		Sentence: "Run an older commit again; on a stack that holds roles this counts as a trigger (R6)."},
	{Rule: "E7", Action: ActionRunRetry, Also: ActionRunTrigger, Object: EntityStack, ActAs: true,
		Sentence: "Run an older commit again; on a stack that holds roles this counts as a trigger (R6)."},
	{Rule: "E7", Action: ActionRunTrigger, Object: EntityStack, ActAs: true,
		Sentence: "Start a run of a commit of one's choice. Starting one of the tracked commit is no influence."},
	{Rule: "E21", Action: ActionStackManagedStateImport, Object: EntityStack, ActAs: true,
		Sentence: "Import a state that names a hostile provider; the next run executes it."},
	{Rule: "E21", Action: ActionStackManagedStateRollback, Object: EntityStack, ActAs: true,
		Sentence: "Make such a state current again."},
	{Rule: "E29", Action: ActionScheduleCreate, Object: EntityStack, ActAs: true,
		Sentence: "Schedule a task: E1, later."},
	{Rule: "E29", Action: ActionScheduleUpdate, Object: EntityStack, ActAs: true,
		Sentence: "Change a scheduled task."},
	{Rule: "E3", Action: ActionRunProposeLocalWorkspace, Object: EntityStack, Phase: PhasePlan, ActAs: true,
		Sentence: "Plan an uploaded directory."},
	{Rule: "E3", Action: ActionRunProposeWithOverrides, Object: EntityStack, Phase: PhasePlan, ActAs: true,
		Sentence: "Plan with other variables."},
	{Rule: "E11", Action: ActionPolicyAttach, Object: EntityStack, Phase: PhaseNone, ActAs: true,
		Sentence: "Detach a policy that guards the stack."},
	{Rule: "E8", Action: ActionContextUpdate, Object: EntityContext, ActAs: true,
		Sentence: "Change hooks, variables or files of a context that the stack uses."},
	{Rule: "E8", Action: ActionContextDelete, Object: EntityContext, ActAs: true,
		Sentence: "Take a context away from the stack."},
	{Rule: "E4", Action: ActionSpaceliftVCSCommitFiles, Object: EntityRepo, ActAs: true,
		Sentence: "Commit to the built-in repository whose code the stack runs (E5)."},
	{Rule: "E11", Action: ActionPolicyUpdate, Object: EntityPolicy, Phase: PhaseNone, ActAs: true,
		Sentence: "Change a policy that guards the stack."},
	{Rule: "E11", Action: ActionPolicyDelete, Object: EntityPolicy, Phase: PhaseNone, ActAs: true,
		Sentence: "Delete a policy that guards the stack."},
	{Rule: "E12", Action: ActionWorkerPoolReset, Object: EntityWorkerPool, AdminOfAll: true,
		Sentence: "Take over the worker pool, and with it the token of each run."},
}

// Influences returns rule G2 as a table. The result is the caller's.
func Influences() []Influence { return slices.Clone(influences) }

// InfluenceOf returns what an action on an object of a kind is in that table.
func InfluenceOf(a Action, on EntityKind) (i Influence, ok bool) {
	at := slices.IndexFunc(influences, func(i Influence) bool { return i.Action == a && i.Object == on })
	if at < 0 {
		return Influence{}, false
	}
	return influences[at], true
}

// ways is a set of rows of the table.
type ways uint32

// Which rows say something of an object of a kind, and lend all of a stack's
// powers or those of a plan only.
var fullWays, planWays = waysByPhase(PhaseAll), waysByPhase(PhasePlan)

func waysByPhase(p Phase) (list [entityKinds]ways) {
	for i, row := range influences {
		if row.Phase == p {
			list[row.Object] |= 1 << i
		}
	}
	return list
}

// needs returns the actions that a row takes.
func (i *Influence) needs() ActionSet { return SetOf(i.Action, i.Also) }

var wayNeeds = func() []ActionSet {
	list := make([]ActionSet, len(influences))
	for i := range influences {
		list[i] = influences[i].needs()
	}
	return list
}()

// waysOf returns what an actor can do who is allowed a set of actions.
func waysOf(allowed ActionSet) (w ways) {
	for i, needs := range wayNeeds {
		if allowed.Contains(needs) {
			w |= 1 << i
		}
	}
	return w
}

// first returns the first row of a set.
func (w ways) first() ways { return w & -w }

// table returns the rows of a set.
func (w ways) table() (list []Influence) {
	for i := range influences {
		if w&(1<<i) != 0 {
			list = append(list, influences[i])
		}
	}
	return list
}

// ActAsMode says what happens when somebody who lacks a role uses it through a
// stack that holds it (security rule G2).
type ActAsMode uint8

// The modes. In WARN and OFF it is allowed; in ENFORCE it takes the role itself
// or stack:act-as, wherever the stack holds a role.
const (
	ActAsWarn ActAsMode = iota
	ActAsEnforce
	ActAsOff
)

// String returns "WARN", "ENFORCE" or "OFF".
func (m ActAsMode) String() string {
	names := [...]string{"WARN", "ENFORCE", "OFF"}
	if int(m) < len(names) {
		return names[m]
	}
	return "UNKNOWN"
}
