package view

import "github.com/airlock-project/airlock/internal/domain"

// DriftDetectionIntegration is the drift detection of a stack as the API shows
// it; without a schedule there is none.
type DriftDetectionIntegration struct{ schedule }

// NewDriftDetection shows drift detection that is there.
func NewDriftDetection(s domain.Schedule) *DriftDetectionIntegration {
	return &DriftDetectionIntegration{schedule{s}}
}

func (d *DriftDetectionIntegration) Deleted() bool      { return len(d.Cron) == 0 }
func (d *DriftDetectionIntegration) Schedule() []string { return d.Cron }
func (d *DriftDetectionIntegration) SetBy() *string     { return Optional(d.AuthorName) }

// Timezone is UTC where none is named.
func (d *DriftDetectionIntegration) Timezone() string {
	if d.schedule.Schedule.Timezone == "" {
		return "UTC"
	}
	return d.schedule.Schedule.Timezone
}
