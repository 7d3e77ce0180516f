package graphql

import (
	"testing"

	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestScheduleFlow walks through the documents of the provider.
func TestScheduleFlow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		w := worldOver(t, realResolver(t, k.Store, k.Gate, k.IDs, k.Clock.Now), string(k.Secrets.AdminKeyID))
		run := w.do("provider_schedules", "CreateRun", vars{"stack": "k2", "input": aScheduledRun()})
		if run["name"] != "nightly" || run["timezone"] != "Europe/Paris" || run["timestampSchedule"] != nil || run["nextSchedule"] == nil || run["customRuntimeConfig"] != nil {
			t.Errorf("made %v", run)
		}
		once := with(aScheduledRun(), "cronSchedule", nil)
		once["timestampSchedule"], once["timezone"] = someDay, nil
		ids := vars{"stack": "k2", "scheduledRun": run["id"]}
		run = w.do("provider_schedules", "UpdateRun", with(ids, "input", once))
		if run["timestampSchedule"] != float64(someDay) || run["nextSchedule"] != float64(someDay) || len(run["cronSchedule"].([]any)) != 0 {
			t.Errorf("changed to %v", run)
		}
		if code := w.code(`mutation($stack:ID!,$input:ScheduledRunInput!){stackScheduledRunCreate(stack:$stack,input:$input){id}}`,
			vars{"stack": "k2", "input": with(aScheduledRun(), "runtimeConfig", vars{"yaml": "autodeploy: true"})}); code != "INVALID" {
			t.Errorf("settings for these runs: %s", code)
		}
		own := vars{"projectRoot": "x", "runnerImage": "image:1", "beforePlan": []any{"id"}, "environment": []any{vars{"key": "REGION", "value": "eu"}}}
		configured := w.do("provider_schedules", "UpdateRun", with(ids, "input", with(once, "runtimeConfig", own)))["customRuntimeConfig"].(vars)
		if configured["projectRoot"] != "x" || configured["runnerImage"] != "image:1" || configured["beforePlan"].([]any)[0] != "id" ||
			len(configured["afterRun"].([]any)) != 0 || configured["terraformWorkflowTool"] != nil || configured["environment"].([]any)[0].(vars)["value"] != "eu" {
			t.Errorf("settings for these runs: %v", configured)
		}
		once["runtimeConfig"] = nil
		if run = w.do("provider_schedules", "UpdateRun", with(ids, "input", once)); run["customRuntimeConfig"] != nil {
			t.Errorf("settings stay: %v", run)
		}
		w.do("provider_schedules", "UpdateRun", with(ids, "input", with(once, "runtimeConfig", own)))
		read := func(operation, field, id string) any {
			return w.do("provider_schedules", operation, vars{"stack": "k2", "id": id})[field]
		}
		if read("ReadRun", "scheduledRun", id(run)) == nil || read("ReadTask", "scheduledTask", id(run)) != nil {
			t.Error("a schedule is what it is, and nothing else")
		}
		w.do("provider_schedules", "DeleteRun", ids)
		if read("ReadRun", "scheduledRun", id(run)) != nil {
			t.Error("it is still there")
		}
		deletion := w.do("provider_schedules", "CreateDelete", vars{"stack": "k2", "input": aScheduledDelete()})
		if deletion["shouldDeleteResources"] != true || deletion["timestampSchedule"] != float64(someDay) {
			t.Errorf("made %v", deletion)
		}
	})
}

// TestDriftFlow walks through the documents of the provider.
func TestDriftFlow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		w := worldOver(t, realResolver(t, k.Store, k.Gate, k.IDs, k.Clock.Now), string(k.Secrets.AdminKeyID))
		read := func() vars {
			return w.do("provider_drift", "Read", vars{"stack": "k2"})["integrations"].(vars)["driftDetection"].(vars)
		}
		if got := read(); len(got["schedule"].([]any)) != 0 || got["timezone"] != "UTC" {
			t.Errorf("without any: %v", got)
		}
		w.do("provider_drift", "Create", vars{"stack": "k2", "input": aDriftDetection(true)})
		if got := read(); got["reconcile"] != true || got["schedule"].([]any)[0] != "*/15 * * * *" || got["timezone"] != "Europe/Paris" {
			t.Errorf("made %v", got)
		}
		w.do("provider_drift", "Update", vars{"stack": "k2", "input": with(aDriftDetection(false), "ignoreState", true)})
		if got := read(); got["reconcile"] != false || got["ignoreState"] != true {
			t.Errorf("changed to %v", got)
		}
		if got := w.do("provider_drift", "Delete", vars{"stack": "k2"}); got["deleted"] != true || len(read()["schedule"].([]any)) != 0 {
			t.Errorf("deleted %v", got)
		}
	})
}
