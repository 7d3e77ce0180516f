package tofu

import (
	"archive/zip"
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// maxTold bounds each file of a plan that is read without OpenTofu.
const maxTold = 64 << 20

// Told puts together what Show says of a plan from what OpenTofu wrote down
// while planning: its events, and what a plan file carries beside the plan. That
// saves a process. Nobody may decide anything by it: whatever was executed while
// planning could have written it, too. Where something is missing, or in
// another form (an older version, a plan that is encrypted), it is an error, and
// Show knows.
func (t Tool) Told(planFile, eventsFile string) (*Plan, error) {
	if !t.tells() {
		return nil, errors.New("this version does not tell what it plans")
	}
	p := &Plan{}
	summary, err := p.readEvents(eventsFile)
	if err != nil {
		return nil, err
	}
	f, err := t.openInProject(planFile)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxDocument {
		return nil, errors.New("the plan is too large") // its size decides what opening it may take
	}
	parts, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("open the plan: %w", err)
	}
	before, err := countBefore(parts)
	if err != nil {
		return nil, err
	}
	p.Delta = domain.Delta{Added: summary.Add, Changed: summary.Change, Deleted: summary.Remove}
	p.Delta.Resources = before + summary.Add - summary.Remove - summary.Forget
	p.Descriptions, err = readDescriptions(parts)
	return p, err
}

// tells reports whether planning writes events, too.
func (t Tool) tells() bool { return !t.Terraform && writesEvents(t.Version) }

// changeSummary is how many resources a plan changes. A replaced one counts as
// added and removed.
type changeSummary struct {
	Add     int    `json:"add"`
	Change  int    `json:"change"`
	Remove  int    `json:"remove"`
	Forget  int    `json:"forget"`
	Planned string `json:"operation"`
}

// readEvents adds the changes that a plan's events name.
func (p *Plan) readEvents(file string) (summary changeSummary, err error) {
	err = eachEvent(file, func(line []byte) error {
		var event struct {
			Type    string         `json:"type"`
			Changes *changeSummary `json:"changes"`
			Change  struct {
				Resource struct {
					Addr string `json:"addr"`
				} `json:"resource"`
				Action string `json:"action"`
			} `json:"change"`
		}
		if err := json.Unmarshal(line, &event); err != nil {
			return nil // some versions mix warnings in
		}
		switch {
		case event.Type == "change_summary" && event.Changes != nil:
			summary = *event.Changes
		case event.Type == "planned_change":
			action, err := toldAction(event.Change.Action)
			if err != nil || action == "" {
				return err
			}
			p.Changes = append(p.Changes, domain.ResourceChange{Address: event.Change.Resource.Addr, Action: action})
		}
		return nil
	})
	if err == nil && summary.Planned != "plan" {
		err = errors.New("the plan's events have no summary")
	}
	slices.SortFunc(p.Changes, func(a, b domain.ResourceChange) int { return cmp.Compare(a.Address, b.Address) })
	return summary, err
}

// toldAction is the name that actionOf gives to a change; empty means that
// nothing is done.
func toldAction(action string) (string, error) {
	switch action {
	case "noop", "move":
		return "", nil
	case "create", "update", "delete", "replace", "read", "import":
		return action, nil
	case "remove":
		return "forget", nil
	default:
		return "", fmt.Errorf("the plan's events name an action %q", action)
	}
}

// eachEvent calls do for each line of a file of events. The run may have put a
// link there: whoever reads it may see more than the run.
func eachEvent(file string, do func(line []byte) error) error {
	f, err := openRegular(filepath.Dir(file), filepath.Base(file))
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxDocument))
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		if err := do(lines.Bytes()); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("one of the events is larger than %d MiB", maxAnswer>>20)
	}
	return lines.Err()
}

// countBefore counts the resources that are there before the plan is applied, as
// it has found them.
func countBefore(parts *zip.Reader) (n int, err error) {
	body, err := part(parts, "tfstate")
	if err != nil {
		return 0, err
	}
	var state struct {
		Resources []struct {
			Mode      string `json:"mode"`
			Instances []struct {
				Deposed string `json:"deposed"`
			} `json:"instances"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(body, &state); err != nil {
		return 0, fmt.Errorf("read the plan's state: %w", err)
	}
	for _, r := range state.Resources {
		for _, i := range r.Instances {
			if i.Deposed != "" {
				return 0, errors.New("the plan's events do not tell a resource from its successor")
			}
			if r.Mode == "managed" {
				n++
			}
		}
	}
	return n, nil
}

// part reads one file of a plan.
func part(parts *zip.Reader, name string) ([]byte, error) {
	f, err := parts.Open(name)
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	defer f.Close()
	body, err := io.ReadAll(io.LimitReader(f, maxTold+1))
	if err == nil && len(body) > maxTold {
		err = fmt.Errorf("%s is too large", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	return body, nil
}

// rootConfig is where a plan file keeps the code of the root module.
const rootConfig = "tfconfig/m-/"

// readDescriptions returns the descriptions of the outputs of a plan's root
// module.
func readDescriptions(parts *zip.Reader) (map[string]string, error) {
	var names []string
	for _, f := range parts.File {
		if name, ok := strings.CutPrefix(f.Name, rootConfig); ok && isConfig(name) {
			names = append(names, name)
		}
	}
	out := map[string]string{}
	for _, name := range inOrder(names) {
		body, err := part(parts, rootConfig+name)
		if err == nil {
			err = describe(out, name, body)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
