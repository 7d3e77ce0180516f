package domain

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRequestTransitions walks every pair of states, before and after the
// lapse: only edges of the table can be taken, and what is closed stays so.
func TestRequestTransitions(t *testing.T) {
	all := slices.Collect(maps.Keys(requestTransitions))
	if len(all) != 5 {
		t.Fatalf("%d states", len(all))
	}
	lapse := time.Unix(100, 0)
	for _, from := range all {
		for _, to := range all {
			for _, now := range []time.Time{lapse.Add(-1), lapse, lapse.Add(time.Hour)} {
				lapsed := !now.Before(lapse)
				want := from == RequestPending && to != RequestPending && lapsed == (to == RequestExpired)
				r := AccessRequest{ID: "r", State: from, LapsesAt: lapse}
				err := r.Close(to, now, "by", "why")
				switch {
				case want && (err != nil || r.State != to || !r.DecidedAt.Equal(now) || r.DecidedBy != "by" || r.Note != "why"):
					t.Errorf("%s -> %s at %v: %v, %+v", from, to, now, err, r)
				case !want && (ErrorCode(err) != CodeConflict || r != AccessRequest{ID: "r", State: from, LapsesAt: lapse}):
					t.Errorf("%s -> %s at %v: %v, %+v", from, to, now, err, r)
				}
				if from.CanBecome(to) && from != RequestPending {
					t.Errorf("%s is closed and can become %s", from, to)
				}
			}
		}
		open := AccessRequest{State: from, LapsesAt: lapse}
		if before := open.StateAt(lapse.Add(-1)); before != from {
			t.Errorf("%s shows as %s", from, before)
		}
		if after := open.StateAt(lapse); (from == RequestPending) != (after != from) {
			t.Errorf("%s shows as %s once it has lapsed", from, after)
		}
	}
}

func TestRequestChecks(t *testing.T) {
	good := AccessRequest{Space: "dev", Duration: time.Hour, Reason: "an incident"}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for field, changes := range map[string][]func(*AccessRequest){
		"duration": {
			func(r *AccessRequest) { r.Duration = 0 }, func(r *AccessRequest) { r.Duration = -time.Hour },
			func(r *AccessRequest) { r.Duration = MinGrant - 1 }, func(r *AccessRequest) { r.Duration = MaxGrant + 1 },
		},
		"reason": {
			func(r *AccessRequest) { r.Reason = "" }, func(r *AccessRequest) { r.Reason = " \n" },
			func(r *AccessRequest) { r.Reason = strings.Repeat("ä", MaxReason+1) }, func(r *AccessRequest) { r.Reason = "a\x00" },
		},
		"spaceId": {func(r *AccessRequest) { r.Space = "a\x00b" }, func(r *AccessRequest) { r.Space = SpaceID(strings.Repeat("x", MaxName+1)) }},
		"entity":  {func(r *AccessRequest) { r.Entity.ID = "\xff" }},
	} {
		for i, change := range changes {
			r := good
			change(&r)
			err := r.Check()
			if e, ok := err.(*Error); !ok || e.Code != CodeInvalid || e.Field != field {
				t.Errorf("%s %d: %v", field, i, err)
			}
		}
	}
	for _, note := range []string{"", "fine\nby me", strings.Repeat("ä", MaxReason)} {
		if err := CheckNote(note); err != nil {
			t.Error(err)
		}
	}
	if err := CheckNote(strings.Repeat("x", MaxReason+1)); ErrorCode(err) != CodeInvalid {
		t.Errorf("a long note: %v", err)
	}
}
