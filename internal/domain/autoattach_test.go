package domain

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAutoAttaches(t *testing.T) {
	for _, c := range []struct {
		entity, stack []string
		want          string
	}{
		{[]string{"autoattach:*"}, nil, "autoattach:*"},
		{[]string{"x", "autoattach:prod"}, []string{"a", "prod"}, "autoattach:prod"},
		{[]string{"autoattach:prod"}, []string{"production"}, ""},
		{[]string{"autoattach:"}, []string{""}, ""},
		{[]string{"prod"}, []string{"prod"}, ""},
		{[]string{"autoattach:prod"}, []string{"autoattach:prod"}, ""},
		{nil, []string{"prod"}, ""},
	} {
		got, ok := AutoAttaches(c.entity, c.stack)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%v to %v: %q, %v, want %q", c.entity, c.stack, got, ok, c.want)
		}
	}
}

func TestAutoDiff(t *testing.T) {
	pair := func(stack StackID, was, is bool) AutoPair {
		return AutoPair{Context: "c", Stack: LabelledStack{StackActor: StackActor{ID: stack}}, Was: was, Is: is}
	}
	auto := ContextAttachment{ID: "1", Context: "c", Stack: "leaves", Auto: true}
	hand := ContextAttachment{ID: "2", Context: "c", Stack: "kept"}
	got := AutoDiff([]AutoPair{
		pair("comes", false, true), pair("was skipped", true, true), pair("leaves", true, false),
		pair("kept", true, false), pair("never", false, false),
	}, []ContextAttachment{auto, hand})
	want := AutoChange{Attach: []AutoPair{pair("comes", false, true)}, Detach: []ContextAttachment{auto}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := AutoDiff([]AutoPair{pair("kept", false, true)}, []ContextAttachment{hand}); !got.Empty() {
		t.Errorf("by hand and by label: %+v", got)
	}
}
