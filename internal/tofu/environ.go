package tofu

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// Environment builds the variables of a run's processes. Nothing is inherited
// from the worker except PATH and what the operator lists in Extra.
type Environment struct {
	Home        string // private to the run
	Temp        string // private to the run
	Sockets     string // where providers put their unix sockets; a short path
	CLIConfig   string // OpenTofu's CLI configuration file
	Programs    string // directory that PATH begins with; empty: none
	PluginCache string // optional, shared by the worker's runs
	Extra       []string
	State       *State
}

// State is where OpenTofu's http backend lives for a run.
type State struct {
	Address, Username, Password string
}

// Reserved reports whether a run's environment may not set the variable. The
// names that the control plane itself sends are not the worker's to refuse.
func Reserved(name string) bool {
	ours := strings.HasPrefix(name, "SPACELIFT_") || strings.HasPrefix(name, "AIRLOCK_")
	return !ours && domain.ReservedVariable(name)
}

// List returns the environment for exec. Variables of own that are reserved
// must have been left out before.
func (e Environment) List(own []string) []string {
	path := os.Getenv("PATH")
	if e.Programs != "" {
		path = e.Programs + string(filepath.ListSeparator) + path
	}
	env := []string{"PATH=" + path, "LANG=C.UTF-8"}
	env = append(env, e.Extra...)
	env = append(env, own...)
	env = append(env,
		"HOME="+e.Home, "TMPDIR="+e.Temp, "TF_CLI_CONFIG_FILE="+e.CLIConfig,
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1",
	)
	if e.Sockets != "" {
		env = append(env, "PLUGIN_UNIX_SOCKET_DIR="+e.Sockets)
	}
	if e.PluginCache != "" {
		env = append(env, "TF_PLUGIN_CACHE_DIR="+e.PluginCache)
	}
	if s := e.State; s != nil {
		env = append(env,
			"TF_HTTP_ADDRESS="+s.Address, "TF_HTTP_LOCK_ADDRESS="+s.Address, "TF_HTTP_UNLOCK_ADDRESS="+s.Address,
			"TF_HTTP_USERNAME="+s.Username, "TF_HTTP_PASSWORD="+s.Password,
		)
	}
	return env
}

// BackendFile is the override that sends the state to the control plane,
// whatever backend the code names.
const BackendFile = "airlock_backend_override.tf.json"

// WriteBackend puts the override into the project root. What the repository
// has under the same name, even a symbolic link, is replaced.
func WriteBackend(root *os.Root) error {
	if err := root.RemoveAll(BackendFile); err != nil {
		return fmt.Errorf("write %s: %w", BackendFile, err)
	}
	body := []byte("{\"terraform\":{\"backend\":{\"http\":{}}}}\n")
	if err := root.WriteFile(BackendFile, body, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", BackendFile, err)
	}
	return nil
}

// Services are host names under which code finds a control plane, whatever
// they resolve to.
type Services struct {
	Hosts  []string
	States string // URL of the remote backend's protocol
	Token  string
}

// block tells OpenTofu where the services of the hosts are, without asking them.
func (s Services) block() string {
	var b strings.Builder
	for _, host := range s.Hosts {
		fmt.Fprintf(&b, "\nhost %q {\n  services = {\n", host)
		for _, service := range []string{"state.v2", "tfe.v2", "tfe.v2.1", "tfe.v2.2"} {
			fmt.Fprintf(&b, "    %q = %q\n", service, s.States)
		}
		fmt.Fprintf(&b, "  }\n}\n\ncredentials %q {\n  token = %q\n}\n", host, s.Token)
	}
	return b.String()
}

// WriteCLIConfig writes the run's CLI configuration: the operator's file if
// there is one, so that nothing in a home directory counts, and the services.
func WriteCLIConfig(path, operatorFile string, s Services) error {
	var body []byte
	if operatorFile != "" {
		var err error
		if body, err = os.ReadFile(filepath.Clean(operatorFile)); err != nil {
			return fmt.Errorf("read the CLI configuration: %w", err)
		}
	}
	if err := os.WriteFile(path, append(body, s.block()...), 0o600); err != nil {
		return fmt.Errorf("write the CLI configuration: %w", err)
	}
	return nil
}

// StateRetry is about how long a process that changes something tries to store
// its state while the control plane cannot be reached. Only when it has given
// up it writes the state to a file.
const StateRetry = 12 * time.Minute

// keepTrying is the environment of a process that changes something: it does
// not give up storing its state at the first interruption, as it would after
// three seconds.
func keepTrying(env []string) []string {
	const each, first = 15, 4 // 1 + 2 + 4 + 8 seconds, and then 15 at a time
	tries := first + int(StateRetry/time.Second)/each
	return append(slices.Clone(env), "TF_HTTP_RETRY_MAX="+strconv.Itoa(tries), "TF_HTTP_RETRY_WAIT_MIN=1", "TF_HTTP_RETRY_WAIT_MAX="+strconv.Itoa(each))
}
