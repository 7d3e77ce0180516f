package schedules

import (
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // the same zones wherever the server runs

	"github.com/netresearch/go-cron"

	"github.com/airlock-project/airlock/internal/domain"
)

// timing validates when a schedule is to be due. Only what is set once may
// have its time in the past: that of a schedule which keeps it.
func timing(t, old domain.Timing, now time.Time) (domain.Timing, error) {
	t.At = t.At.Truncate(time.Second)
	switch {
	case len(t.Cron) == 0 && t.At.IsZero():
		return t, domain.Invalid("cronSchedule", "needs at least one cron line, or timestampSchedule a time")
	case len(t.Cron) > 0 && !t.At.IsZero():
		return t, domain.Invalid("timestampSchedule", "must not be set beside cronSchedule")
	case len(t.Cron) > domain.MaxCron:
		return t, domain.Invalid("cronSchedule", "must not have more than %d lines", domain.MaxCron)
	case len(t.Cron) == 0 && !t.At.After(now) && !t.At.Equal(old.At):
		return t, domain.Invalid("timestampSchedule", "must be in the future")
	}
	zone, err := zoneOf(t.Timezone)
	if err != nil {
		return t, err
	}
	for i, line := range t.Cron {
		t.Cron[i] = strings.Join(strings.Fields(line), " ")
		next, err := nextOf(t.Cron[i], zone, now)
		if err != nil {
			return t, err
		}
		if next.IsZero() {
			return t, domain.Invalid("cronSchedule", "%q never comes", line)
		}
	}
	return t, nil
}

// zoneOf returns a time zone by its IANA name.
func zoneOf(name string) (*time.Location, error) {
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "Local" {
		return nil, domain.Invalid("timezone", "must be the name of a time zone, such as Europe/Paris")
	}
	return zone, nil
}

// Next returns when a schedule is due for the first time after a moment, zero
// for never again.
func Next(t domain.Timing, after time.Time) (time.Time, error) {
	if len(t.Cron) == 0 {
		if t.At.After(after) {
			return t.At, nil
		}
		return time.Time{}, nil
	}
	zone, err := zoneOf(t.Timezone)
	if err != nil {
		return time.Time{}, err
	}
	var first time.Time
	for _, line := range t.Cron {
		next, err := nextOf(line, zone, after)
		if err != nil {
			return time.Time{}, err
		}
		if first.IsZero() || !next.IsZero() && next.Before(first) {
			first = next
		}
	}
	return first, nil
}

// cronParser reads lines as cron does: a day counts if either of its two fields
// names it. L and # are understood, too.
var cronParser = cron.MustNewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.DomL | cron.DowNth | cron.DowLast | cron.DowOrDom)

// cronLine is what a line consists of, so that no part of a field is empty.
var cronLine = regexp.MustCompile(`^[0-9A-Za-z*/#-]+(,[0-9A-Za-z*/#-]+)*( [0-9A-Za-z*/#-]+(,[0-9A-Za-z*/#-]+)*){4}$`)

// nextOf returns the first time of one cron line after a moment. A line for
// certain hours is due once on every day that it names, also where the clocks
// are changed: a time that they skip comes an hour later, and of one that they
// show twice the first counts. A line for every hour, or every few, is due
// whenever the clocks show a time of it.
func nextOf(line string, zone *time.Location, after time.Time) (time.Time, error) {
	fields := strings.Fields(line)
	if len(fields) != 5 || !cronLine.MatchString(line) {
		return time.Time{}, domain.Invalid("cronSchedule", "must have five fields: minute, hour, day of the month, month, day of the week")
	}
	expr, err := cronParser.Parse(line)
	if err != nil {
		return time.Time{}, domain.Invalid("cronSchedule", "%q is no cron line: %v", line, err)
	}
	after = after.In(zone)
	if strings.HasPrefix(fields[1], "*") {
		return expr.Next(after), nil
	}
	for shown := faceOf(after); ; { // what the clocks show, as if they were never changed
		if shown = expr.Next(shown); shown.IsZero() {
			return shown, nil
		}
		if next := showing(shown, zone); next.After(after) {
			return next, nil
		}
	}
}

// showing returns when the clocks of a zone show something: the first time of
// two, and as much later as they are put forward if they never do.
func showing(face time.Time, zone *time.Location) time.Time {
	y, m, d := face.Date()
	at := time.Date(y, m, d, face.Hour(), face.Minute(), 0, 0, zone)
	_, offset := at.AddDate(0, 0, -1).Zone() // before any change of that day
	first := face.Add(-time.Duration(offset) * time.Second).In(zone)
	if faceOf(first).Equal(face) || !faceOf(at).Equal(face) {
		return first
	}
	return at
}

func faceOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}
