package runs

import (
	"context"
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// addInputs adds what other stacks hand on. It wins over the stack's own
// variables. A run that plans fails when something is missing, because a
// default in its place could change what exists; tasks and destroying runs get
// what there is.
func (s *Service) addInputs(ctx context.Context, tx Tx, a *Assignment) error {
	list, err := tx.DependenciesOf(ctx, a.Stack.ID)
	if err != nil {
		return err
	}
	var missing []string
	for _, d := range list {
		if len(d.References) == 0 {
			continue
		}
		from, err := tx.Stack(ctx, d.DependsOn)
		if err != nil {
			return err
		}
		for _, r := range d.References {
			ok, err := s.addInput(ctx, tx, a, from, r)
			if err != nil {
				return err
			}
			if !ok {
				missing = append(missing, fmt.Sprintf("%s.%s => %s", from.ID, r.Output, r.Input))
			}
		}
	}
	if len(missing) == 0 {
		return nil
	}
	said := "inputs are missing: " + strings.Join(missing, ", ") +
		" (the stack they come from has not applied such an output; a sensitive one is handed on only where both stacks allow it)"
	if a.FailReason == "" && (a.Run.Type == domain.RunTracked || a.Run.Type == domain.RunProposed) {
		a.FailReason = said
		return nil
	}
	a.Notices = append(a.Notices, said)
	return nil
}

func (s *Service) addInput(ctx context.Context, tx Tx, a *Assignment, from domain.Stack, r domain.OutputReference) (bool, error) {
	value, sensitive, ok, err := tx.OutputValue(ctx, from, r.Output)
	if err != nil || !ok || sensitive && !a.Stack.UploadSensitiveOutputs {
		return false, err
	}
	if _, staged, writes := domain.StageOf(r.Input); staged && writes && !a.mayWrite() {
		return true, nil // it stays away from stages that change nothing, as other variables do
	}
	a.Env = append(a.Env, Variable{Name: r.Input, Value: domain.OutputText(value), Secret: sensitive, Literal: true})
	if a.Run.Type != domain.RunTracked || a.Run.State == domain.RunPreparingApply {
		return true, nil // only what a plan for the stack has seen counts as taken
	}
	permit, err := s.gate.System(access.SystemRunLease, access.KindRun, string(a.Run.ID))
	if err != nil {
		return false, err
	}
	return true, tx.SetTaken(ctx, permit, r.ID, value)
}
