package graphql

import (
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

func newStateHistory(v domain.StateVersion) *view.StateHistory {
	return &view.StateHistory{StateVersion: v}
}

func newRefusedState(r domain.RefusedState) *view.RefusedState {
	return &view.RefusedState{RefusedState: r}
}
