package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// chattyCode prints two thousand numbered lines in about six seconds.
const chattyCode = `
resource "terraform_data" "chatty" {
  input = "made"
  provisioner "local-exec" { command = "echo begun; for i in $(seq 1 40); do for j in $(seq 1 50); do echo line-$i-$j.; done; sleep 0.15; done" }
}
output "made" { value = terraform_data.chatty.output }
`

// TestCase152 spoils the connection between worker and server for longer than a
// lease, in the middle of an apply: the apply goes on, and when the connection
// is back, its log and its state are whole.
func TestCase152(t *testing.T) {
	t.Parallel()
	faults := map[string]int32{"cut": cut, "silence": silence, "deaf": deafClient, "loss": loss}
	onBoth(t, func(t *testing.T, database string) {
		address := freeAddress(t)
		p := newProxy(t, address)
		s := &story{top: t, server: start(t, database, "--listen", address, "--base-url", p.url(), "--workers", "0", "--lease", "2s", "--apply-lease", "60s"), dir: t.TempDir()}
		s.Endpoint = "http://" + address // the test itself is not cut off
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		s.startWorker(t, filepath.Join(s.dir, "work"), "--slots", fmt.Sprint(len(faults)))
		stack, id := map[string]string{}, map[string]string{}
		for name, fault := range faults {
			stack[name] = s.deploying(t, name, chattyCode)
			id[name] = s.admin.id(t, runTrigger, vars{"stack": stack[name]})
			await(t, "the apply to begin", time.Minute, func() bool {
				text, _ := s.admin.log(t, stack[name], id[name], "APPLYING")
				return strings.Contains(text, "begun")
			})
			p.become(fault)
			time.Sleep(3 * time.Second) // longer than the lease
			p.become(noFault)
		}
		for name := range faults {
			s.admin.reaches(t, stack[name], id[name], "FINISHED")
			text, _ := s.admin.log(t, stack[name], id[name], "APPLYING")
			for i := 1; i <= 40; i++ {
				for j := 1; j <= 50; j++ {
					if line := fmt.Sprintf("line-%d-%d.", i, j); strings.Count(text, line) != 1+strings.Count(text, "echo "+line) {
						t.Fatalf("%s: %s is in the log %d times", name, line, strings.Count(text, line))
					}
				}
			}
			var out struct {
				Stack struct{ Outputs []struct{ ID, Value string } }
			}
			s.admin.must(t, stackOutputsQuery, vars{"id": stack[name]}, &out)
			if len(out.Stack.Outputs) != 1 || !strings.Contains(out.Stack.Outputs[0].Value, "made") {
				t.Errorf("%s: the outputs are %+v", name, out.Stack.Outputs)
			}
		}
		s.stop(t)
		sound(t, s.server, s.databaseURL(database), nil)
	})
}
