package domain

import "strings"

// A variable whose name begins with one of these is only there in one kind of
// stage of a run, under its name without the prefix: ro_ while nothing may be
// changed (initializing, planning), wo_ while something is (applying, tasks,
// destroying).
const (
	ReadStagePrefix  = "ro_"
	WriteStagePrefix = "wo_"
)

// StageOf splits the name of a variable: staged is false for one that is there
// in all stages, else writes says in which kind it is.
func StageOf(name string) (plain string, staged, writes bool) {
	if rest, ok := strings.CutPrefix(name, ReadStagePrefix); ok {
		return rest, true, false
	}
	if rest, ok := strings.CutPrefix(name, WriteStagePrefix); ok {
		return rest, true, true
	}
	return name, false, false
}
