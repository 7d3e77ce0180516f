package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/workerapi"
)

// env returns the variables of a stage as a map.
func stageEnv(t *testing.T, writes bool, list ...workerapi.EnvVar) map[string]string {
	t.Helper()
	vars, err := variables(list, writes)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, v := range vars {
		if _, twice := out[v.Name]; twice {
			t.Errorf("%s is there twice", v.Name)
		}
		out[v.Name] = v.Value
	}
	return out
}

func v(name, value string) workerapi.EnvVar { return workerapi.EnvVar{Name: name, Value: value} }

// TestStages: ro_ and wo_ are there in their kind of stage, without the prefix,
// and win over what is there in all.
func TestStages(t *testing.T) {
	list := []workerapi.EnvVar{v("wo_TOKEN", "write"), v("ro_TOKEN", "read"), v("TOKEN", "both"), v("wo_ONLY", "w"), v("A", "a"), v("ro_LD_PRELOAD", "x.so")}
	if d := cmp.Diff(map[string]string{"TOKEN": "read", "A": "a"}, stageEnv(t, false, list...)); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]string{"TOKEN": "write", "A": "a", "ONLY": "w"}, stageEnv(t, true, list...)); d != "" {
		t.Error(d)
	}
}

func TestInterpolation(t *testing.T) {
	literal := v("OUTPUT", "${SECRET}")
	literal.Literal = true
	got := stageEnv(t, false,
		v("FOO", "bar"), v("BAZ", "${FOO}-baz"), v("DEEP", "<${BAZ}${FOO}>"), v("UNKNOWN", "${nope} $FOO ${FOO"),
		v("LOOP", "a${POOL}"), v("POOL", "b${LOOP}"), v("SELF", "x${SELF}"), v("ro_STAGED", "${FOO}"), v("OF", "${STAGED}"),
		v("SPACELIFT_COMMIT_BRANCH", "${SECRET}"), v("BRANCH", "on ${SPACELIFT_COMMIT_BRANCH}"), v("SECRET", "s3cret"), literal, v("NESTED", "${${FOO}}"))
	want := map[string]string{
		"FOO": "bar", "BAZ": "bar-baz", "DEEP": "<bar-bazbar>", "UNKNOWN": "${nope} $FOO ${FOO",
		"LOOP": "ab${LOOP}", "POOL": "b${LOOP}", "SELF": "x${SELF}", "STAGED": "bar", "OF": "bar",
		"SPACELIFT_COMMIT_BRANCH": "${SECRET}", "BRANCH": "on ${SECRET}", "SECRET": "s3cret", "OUTPUT": "${SECRET}", "NESTED": "${bar}",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// TestInterpolationBomb: values that double each other end in an error, fast.
func TestInterpolationBomb(t *testing.T) {
	list := []workerapi.EnvVar{v("A", strings.Repeat("x", 1000))}
	for c := 'B'; c <= 'Z'; c++ {
		before := "${" + string(c-1) + "}"
		list = append(list, v(string(c), strings.Repeat(before, 10)))
	}
	_, err := variables(list, false)
	if err == nil || !strings.Contains(err.Error(), "is longer than 131072 bytes") {
		t.Errorf("got %v", err)
	}
}
