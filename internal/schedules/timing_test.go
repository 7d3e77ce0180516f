package schedules

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/airlock-project/airlock/internal/domain"
)

const face = "2006-01-02 15:04 MST"

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		cron  []string
		zone  string
		after string
		want  string // the next times
	}{
		"every hour":            {[]string{"0 * * * *"}, "", "2026-03-01 12:00 UTC", "03-01 13:00 UTC, 03-01 14:00 UTC"},
		"the earliest line":     {[]string{"0 9 * * *", "30 8 * * 1"}, "", "2026-03-01 12:00 UTC", "03-02 08:30 UTC, 03-02 09:00 UTC, 03-03 09:00 UTC"},
		"names":                 {[]string{"0 9 * JAN,MAR MON-FRI"}, "", "2026-02-01 00:00 UTC", "03-02 09:00 UTC, 03-03 09:00 UTC"},
		"Sunday is 0 and 7":     {[]string{"0 0 * * 7", "0 1 * * 0"}, "", "2026-03-01 12:00 UTC", "03-08 00:00 UTC, 03-08 01:00 UTC"},
		"either day":            {[]string{"0 0 13 * 5"}, "", "2026-03-07 00:00 UTC", "03-13 00:00 UTC, 03-20 00:00 UTC, 03-27 00:00 UTC, 04-03 00:00 UTC, 04-10 00:00 UTC, 04-13 00:00 UTC"},
		"the last day":          {[]string{"0 0 L * *"}, "", "2026-02-01 00:00 UTC", "02-28 00:00 UTC, 03-31 00:00 UTC"},
		"the clocks of a place": {[]string{"0 9 * * *"}, "Asia/Tokyo", "2026-03-01 12:00 UTC", "03-02 09:00 JST"},
		"a leap day":            {[]string{"0 0 29 2 *"}, "", "2026-03-01 12:00 UTC", "02-29 00:00 UTC"},

		// Clocks are put forward at 02:00 on March 29th, back at 03:00 on October 25th.
		"a time that is skipped": {[]string{"30 2 * * *"}, "Europe/Berlin", "2026-03-27 12:00 UTC", "03-28 02:30 CET, 03-29 03:30 CEST, 03-30 02:30 CEST"},
		"a time that is twice":   {[]string{"30 2 * * *"}, "Europe/Berlin", "2026-10-23 12:00 UTC", "10-24 02:30 CEST, 10-25 02:30 CEST, 10-26 02:30 CET"},
		"between the two":        {[]string{"30 2 * * *"}, "Europe/Berlin", "2026-10-25 01:10 UTC", "10-26 02:30 CET"},
		"hours that are twice":   {[]string{"0 * * * *"}, "Europe/Berlin", "2026-10-24 23:30 UTC", "10-25 02:00 CEST, 10-25 02:00 CET, 10-25 03:00 CET"},
		"half an hour":           {[]string{"45 1 * * *"}, "Australia/Lord_Howe", "2026-04-03 12:00 UTC", "04-04 01:45 +11, 04-05 01:45 +11, 04-06 01:45 +1030"},
		"half an hour less":      {[]string{"15 2 * * *"}, "Australia/Lord_Howe", "2026-10-02 12:00 UTC", "10-03 02:15 +1030, 10-04 02:45 +11, 10-05 02:15 +11"},
		"an hour that is not":    {[]string{"15 * * * *"}, "Europe/Berlin", "2026-03-29 00:20 UTC", "03-29 03:15 CEST, 03-29 04:15 CEST"},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := time.Parse(face, c.after)
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range strings.Split(c.want, ", ") {
				next, err := Next(domain.Timing{Cron: c.cron, Timezone: c.zone}, after)
				if err != nil || next.Format("01-02 15:04 MST") != want {
					t.Errorf("%d: got %s, %v; want %s", i, next.Format(face), err, want)
				}
				after = next
			}
		})
	}
}

// TestNextIsLater holds for whatever is accepted: the next time is later, and no
// time of the line lies between.
func TestNextIsLater(t *testing.T) {
	field := rapid.StringMatching(`\*|\*/[1-9]|[0-9]{1,2}|[0-9]-[0-9]|[1-4],[5-9]`)
	zones := []string{"", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"}
	rapid.Check(t, func(t *rapid.T) {
		line := strings.Join(rapid.SliceOfN(field, 5, 5).Draw(t, "fields"), " ")
		after := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "after"), 0)
		when := domain.Timing{Cron: []string{line}, Timezone: rapid.SampledFrom(zones).Draw(t, "zone")}
		when, err := timing(when, domain.Timing{}, after)
		if err != nil {
			if domain.ErrorCode(err) != domain.CodeInvalid {
				t.Fatalf("%q: %v", line, err)
			}
			return
		}
		next, err := Next(when, after)
		if err != nil || !next.After(after) {
			t.Fatalf("%q: after %s comes %s, %v", line, after, next, err)
		}
		middle, err := Next(when, after.Add(next.Sub(after)/2))
		if err != nil || !middle.Equal(next) {
			t.Fatalf("%q: after %s comes %s, but later %s, %v", line, after, next, middle, err)
		}
	})
}

func TestTimingIsChecked(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cron := func(lines ...string) domain.Timing { return domain.Timing{Cron: lines} }
	for name, c := range map[string]struct {
		in    domain.Timing
		field string // empty: it is fine
	}{
		"a line":                 {cron("0 12 * * 1-5"), ""},
		"blanks":                 {cron("  0 12\t* *  * "), ""},
		"later":                  {domain.Timing{At: now.Add(time.Second)}, ""},
		"nothing":                {domain.Timing{}, "cronSchedule"},
		"both":                   {domain.Timing{Cron: []string{"* * * * *"}, At: now.Add(time.Hour)}, "timestampSchedule"},
		"now":                    {domain.Timing{At: now}, "timestampSchedule"},
		"an empty line":          {cron(""), "cronSchedule"},
		"four fields":            {cron("* * * *"), "cronSchedule"},
		"six fields":             {cron("* * * * * *"), "cronSchedule"},
		"a word":                 {cron("@daily"), "cronSchedule"},
		"a zone in the line":     {cron("TZ=UTC * * * *"), "cronSchedule"},
		"an empty part":          {cron(", * * * *"), "cronSchedule"},
		"too much":               {cron("60 * * * *"), "cronSchedule"},
		"no step":                {cron("*/0 * * * *"), "cronSchedule"},
		"a day that never comes": {cron("0 0 30 2 *"), "cronSchedule"},
		"not text":               {cron("\xff * * * *"), "cronSchedule"},
		"long":                   {cron(strings.Repeat("1,", 1000) + "1 * * * *"), "cronSchedule"},
		"many lines":             {cron(strings.Split(strings.Repeat("* * * * *;", 21), ";")...), "cronSchedule"},
		"no zone":                {domain.Timing{Cron: []string{"* * * * *"}, Timezone: "Mars/Phobos"}, "timezone"},
		"the server's own zone":  {domain.Timing{Cron: []string{"* * * * *"}, Timezone: "Local"}, "timezone"},
		"a file":                 {domain.Timing{Cron: []string{"* * * * *"}, Timezone: "../../etc/passwd"}, "timezone"},
		"a zone for a time":      {domain.Timing{At: now.Add(time.Hour), Timezone: "nowhere"}, "timezone"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := timing(c.in, domain.Timing{}, now)
			field := ""
			if e, ok := err.(*domain.Error); ok {
				field = e.Field
			} else if err != nil {
				t.Fatal(err)
			}
			if field != c.field {
				t.Errorf("got %v, want an error about %q", err, c.field)
			}
		})
	}
	past := domain.Timing{At: now.Add(-time.Hour)}
	if _, err := timing(past, past, now); err != nil {
		t.Errorf("a time that it had before: %v", err)
	}
}
