package view

import "github.com/airlock-project/airlock/internal/domain"

// schedule is what all schedules show.
type schedule struct{ domain.Schedule }

func (s *schedule) ID() domain.ScheduleID   { return s.Schedule.ID }
func (s *schedule) CronSchedule() []string  { return s.Cron }
func (s *schedule) NextSchedule() *int      { return OptionalSeconds(s.NextAt) }
func (s *schedule) TimestampSchedule() *int { return OptionalSeconds(s.At) }
func (s *schedule) Timezone() *string       { return Optional(s.Schedule.Timezone) }
func (s *schedule) SetBy() string           { return s.AuthorName }
func (s *schedule) Last() *ScheduleTick     { return newScheduleTick(s.Schedule.Last) }

// ScheduledRun is a schedule of tracked runs as the API shows it.
type ScheduledRun struct{ schedule }

func (s *ScheduledRun) Name() string                        { return s.Schedule.Name }
func (s *ScheduledRun) CustomRuntimeConfig() *RuntimeConfig { return NewRuntimeConfig(s.Config) }

// ScheduledTask is a schedule of tasks as the API shows it.
type ScheduledTask struct{ schedule }

func (s *ScheduledTask) Command() string { return s.Schedule.Command }

// ScheduledDelete is a deletion that is to come as the API shows it.
type ScheduledDelete struct{ schedule }

func (s *ScheduledDelete) ShouldDeleteResources() bool { return s.DestroyResources }

// NewScheduledRun shows a schedule.
func NewScheduledRun(s domain.Schedule) *ScheduledRun { return &ScheduledRun{schedule{s}} }

// NewScheduledTask shows a schedule.
func NewScheduledTask(s domain.Schedule) *ScheduledTask { return &ScheduledTask{schedule{s}} }

// NewScheduledDelete shows a schedule.
func NewScheduledDelete(s domain.Schedule) *ScheduledDelete { return &ScheduledDelete{schedule{s}} }

// ScheduleTick is what came of a schedule.
type ScheduleTick struct{ domain.Tick }

func newScheduleTick(t *domain.Tick) *ScheduleTick {
	if t == nil {
		return nil
	}
	return &ScheduleTick{*t}
}

func (t *ScheduleTick) At() int { return Seconds(t.Tick.At) }
func (t *ScheduleTick) RunID() *domain.RunID {
	if t.Run == "" {
		return nil
	}
	return &t.Run
}
