package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	stackDelete = `mutation($id:ID!$destroy:Boolean){stackDelete(id:$id,destroyResources:$destroy){id,deleting,deleted}}`
	stackLife   = `query($id:ID!){stack(id:$id){id,deleting,isDisabled,lockedBy,lockNote,state,trackedCommit{hash,message},trackedCommitSetBy}}`
)

type life struct {
	ID, State, LockedBy, LockNote string
	Deleting, IsDisabled          bool
	TrackedCommit                 *struct{ Hash, Message string }
	TrackedCommitSetBy            string
}

// life is a stack as stackLife answers it, nil if there is none.
func (c *client) life(t *testing.T, id string) *life {
	t.Helper()
	var out struct{ Stack *life }
	c.must(t, stackLife, vars{"id": id}, &out)
	return out.Stack
}

// fileCode makes a file outside the workspace, and removes it when it is
// destroyed, unless another file forbids that.
const fileCode = `
resource "terraform_data" "file" {
  input = %[1]q
  provisioner "local-exec" { command = "touch ${self.input}" }
  provisioner "local-exec" {
    when    = destroy
    command = "test ! -e ${self.input}.keep && rm ${self.input}"
  }
}
`

// TestDestroyThenDelete destroys what a stack has made with a real OpenTofu,
// first in vain.
func TestDestroyThenDelete(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		// What the code makes is a file of the machine, which a sandbox would hide.
		s := &story{top: t, server: start(t, database, "--sandbox", "none"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		made := filepath.Join(s.dir, "made")
		url, _ := repository(t, map[string]string{"infra/main.tf": fmt.Sprintf(fileCode, made)})
		stack := s.stack(t, "files", "legacy", url)
		apply := s.admin.id(t, runTrigger, vars{"stack": stack})
		s.admin.reaches(t, stack, apply, "UNCONFIRMED")
		s.admin.must(t, runConfirm, vars{"stack": stack, "run": apply}, nil)
		s.admin.reaches(t, stack, apply, "FINISHED")
		exists := func(path string) bool { _, err := os.Stat(path); return err == nil }
		if !exists(made) {
			t.Fatal("the apply made nothing")
		}

		if err := os.WriteFile(made+".keep", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		var out struct{ StackDelete life }
		s.admin.must(t, stackDelete, vars{"id": stack, "destroy": true}, &out)
		if !out.StackDelete.Deleting {
			t.Errorf("the answer says %+v", out.StackDelete)
		}
		await(t, "the destroying run to fail", time.Minute, func() bool { l := s.admin.life(t, stack); return l != nil && !l.Deleting })
		if l := s.admin.life(t, stack); l.State != "FAILED" || !exists(made) {
			t.Errorf("after a destroying run that failed: %+v, the file is there: %v", l, exists(made))
		}

		if err := os.Remove(made + ".keep"); err != nil {
			t.Fatal(err)
		}
		s.admin.must(t, stackDelete, vars{"id": stack, "destroy": true}, nil)
		s.admin.refused(t, runTrigger, vars{"stack": stack}, "CONFLICT", "is being deleted")
		await(t, "the stack to be deleted", time.Minute, func() bool { return s.admin.life(t, stack) == nil })
		if exists(made) {
			t.Error("the stack is gone, and what it had made is still there")
		}
	})
}

// lifeByCLI locks, disables and pins a stack with the public CLI.
func (s *story) lifeByCLI(t *testing.T, stack string, ctl func(string, ...string) string) {
	t.Helper()
	want := func(what string, ok func(l *life) bool) {
		t.Helper()
		if l := s.admin.life(t, stack); l == nil || !ok(l) {
			t.Errorf("after %s: %+v", what, l)
		}
	}
	ctl("", "stack", "lock", "--id", stack, "--note", "moving house")
	want("lock", func(l *life) bool { return l.LockedBy == "api::"+s.ID && l.LockNote == "moving house" })
	ctl("", "stack", "unlock", "--id", stack)
	want("unlock", func(l *life) bool { return l.LockedBy == "" })
	ctl("", "stack", "disable", "--id", stack)
	want("disable", func(l *life) bool { return l.IsDisabled })
	s.admin.refused(t, runTrigger, vars{"stack": stack}, "CONFLICT", "is disabled")
	ctl("", "stack", "enable", "--id", stack)
	want("enable", func(l *life) bool { return !l.IsDisabled })
	head := s.admin.life(t, stack).TrackedCommit
	ctl(`Current commit set to "first commit`, "stack", "set-current-commit", "--id", stack, "--sha", head.Hash[:10])
	want("set-current-commit", func(l *life) bool { return l.TrackedCommit.Hash == head.Hash && l.TrackedCommitSetBy == "api::"+s.ID })
	ctl("", "stack", "sync-commit", "--id", stack)
	want("sync-commit", func(l *life) bool { return l.TrackedCommitSetBy == "" })
}

// deleteByCLI deletes a stack after its resources were destroyed.
func (s *story) deleteByCLI(t *testing.T, stack string, ctl func(string, ...string) string) {
	t.Helper()
	if out := ctl("successfully", "stack", "delete", "--id", stack, "--skip-confirmation", "--destroy-resources"); !strings.Contains(out, "destroyed") {
		t.Errorf("said %q", out)
	}
	await(t, "the stack to be deleted", time.Minute, func() bool { return s.admin.life(t, stack) == nil })
}
