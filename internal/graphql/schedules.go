package graphql

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/schedules"
)

// Schedules are the use cases of schedules.
type Schedules interface {
	DriftDetections(ctx context.Context, list []domain.Stack) (map[domain.StackID]domain.Schedule, error)
	List(ctx context.Context, stack domain.StackID, kind domain.ScheduleKind) ([]domain.Schedule, error)
	Create(ctx context.Context, stack domain.StackID, in schedules.Input) (domain.Schedule, error)
	Update(ctx context.Context, stack domain.StackID, id domain.ScheduleID, in schedules.Input) (domain.Schedule, error)
	Delete(ctx context.Context, stack domain.StackID, id domain.ScheduleID, kind domain.ScheduleKind) (domain.Schedule, error)
}

// findSchedule finds one schedule of a stack; nil if there is none.
func findSchedule[V any](ctx context.Context, r *Resolver, stack domain.StackID, id string, kind domain.ScheduleKind, show func(domain.Schedule) *V) (*V, error) {
	list, err := r.Schedules.List(ctx, stack, kind)
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if string(d.ID) == id {
			return show(d), nil
		}
	}
	return nil, nil
}

func newTiming(cron []string, at *int, timezone *string) domain.Timing {
	t := domain.Timing{Cron: cron, Timezone: text(timezone)}
	if at != nil && *at != 0 {
		t.At = time.Unix(int64(*at), 0).UTC()
	}
	return t
}

func runLater(in generated.ScheduledRunInput) (schedules.Input, error) {
	out := schedules.Input{
		Kind: domain.ScheduleRun, Timing: newTiming(in.CronSchedule, in.TimestampSchedule, in.Timezone), ScheduleAim: domain.ScheduleAim{Name: in.Name},
	}
	if in.RuntimeConfig == nil {
		return out, nil
	}
	c, err := runtimeConfig(*in.RuntimeConfig)
	out.Config = &c
	return out, err
}

func taskLater(in generated.ScheduledTaskInput) schedules.Input {
	return schedules.Input{
		Kind: domain.ScheduleTask, Timing: newTiming(in.CronSchedule, in.TimestampSchedule, in.Timezone), ScheduleAim: domain.ScheduleAim{Command: in.Command},
	}
}

func deletionLater(in generated.ScheduledDeleteInput) schedules.Input {
	return schedules.Input{
		Kind: domain.ScheduleDelete, Timing: newTiming(nil, in.TimestampSchedule, in.Timezone),
		ScheduleAim: domain.ScheduleAim{DestroyResources: in.ShouldDeleteResources},
	}
}

func driftDetection(in generated.DriftDetectionIntegrationInput) schedules.Input {
	return schedules.Input{
		Kind: domain.ScheduleDrift, Timing: newTiming(in.Schedule, nil, in.Timezone),
		ScheduleAim: domain.ScheduleAim{Reconcile: in.Reconcile, IgnoreState: in.IgnoreState},
	}
}

// integrationsOf shows drift detection, if there is any, among what there is not.
func integrationsOf(stack *view.Stack) (*generated.StackIntegrations, error) {
	out := noIntegrations()
	all, err := stack.Batch.Drifts()
	out.DriftDetection = view.NewDriftDetection(all[stack.ID])
	return out, err
}
