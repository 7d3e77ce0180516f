package runner

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// secretValues is everything in a job that must not show in its log.
func secretValues(job *workerapi.Job) []string {
	var values []string
	for _, e := range job.Env {
		if e.Secret {
			values = append(values, e.Value)
		}
	}
	for _, f := range job.Files {
		if f.Secret {
			values = append(values, string(f.Content))
		}
	}
	if job.State != nil {
		values = append(values, job.State.Password)
	}
	if a := job.Source.Access; a != nil {
		values = append(values, a.Secret)
		if a.Kind == domain.GitPassword {
			values = append(values, base64.StdEncoding.EncodeToString([]byte(a.Username+":"+a.Secret)))
		}
	}
	if u, err := url.Parse(job.Source.URL); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			values = append(values, password)
		} else if u.Scheme == "http" || u.Scheme == "https" {
			values = append(values, u.User.Username()) // a token given as the user
		}
	}
	return values
}

// environment returns the variables of the run's processes in one kind of
// stage.
func (r *run) environment(writes bool) ([]string, error) {
	vars, err := variables(append(r.federationVariables(), r.job.Env...), writes)
	if err != nil {
		return nil, err
	}
	var own []string
	for _, e := range vars {
		if e.Secret {
			r.masker.Hide(e.Value) // with its references replaced, or as a configuration sets it
		}
		own = append(own, e.Name+"="+e.Value)
	}
	own = append(own,
		"SPACELIFT_COMMIT_SHA="+r.commit, "SPACELIFT_WORKSPACE_ROOT="+r.ws.Name(),
		"AIRLOCK_COMMIT_SHA="+r.commit, "AIRLOCK_WORKSPACE_ROOT="+r.ws.Name())
	e := tofu.Environment{
		Home: r.path("home"), Temp: r.path("tmp"), Sockets: r.sockets, CLIConfig: r.path("tofu.rc"),
		PluginCache: r.pluginCache(), Extra: r.cfg.Env, Programs: r.programs,
	}
	if s := r.job.State; s != nil {
		e.State = &tofu.State{Address: s.Address, Username: s.Username, Password: s.Password}
	}
	return e.List(own), nil
}

// setUp finds the tool and binds it and the hooks to the project root.
func (r *run) setUp(ctx context.Context) error {
	tool, err := r.vendor.Find(ctx)
	if err != nil {
		return err
	}
	if err := r.layTool(tool); err != nil {
		return err
	}
	if err := r.openBox(ctx, tool.binary); err != nil {
		return err
	}
	if err := r.openFederation(); err != nil {
		return err
	}
	env, err := r.environment(false)
	if err != nil {
		return err
	}
	dir, err := filepath.EvalSymlinks(r.project.Name())
	if err != nil {
		return fmt.Errorf("open the project root: %w", err)
	}
	r.shell = shell{env: env, dir: dir, log: r.log, box: r.box}
	r.log.say("Using " + tool.title)
	r.noContainers()
	return nil
}

// layTool lets hooks and tasks find the tool by its name, and the one that the run
// uses: another version may stand where the worker finds programs, or none.
func (r *run) layTool(tool found) error {
	if tool.binary == "" {
		return nil
	}
	binary, err := filepath.Abs(tool.binary)
	if err != nil {
		return fmt.Errorf("lay out %s: %w", tool.command, err)
	}
	r.programs = r.path("programs")
	err = errors.Join(os.Mkdir(r.programs, 0o700), os.Chmod(r.programs, 0o755)) // whatever the umask
	if err == nil {
		err = os.Symlink(binary, filepath.Join(r.programs, tool.command))
	}
	if err != nil {
		return fmt.Errorf("lay out %s: %w", tool.command, err)
	}
	return nil
}

// enterWriting gives the tool and the hooks the variables of the stages that
// may change something.
func (r *run) enterWriting() error {
	if err := r.renewFederation(); err != nil {
		return err
	}
	env, err := r.environment(true)
	r.shell.env = env
	return err
}

// openProject opens the project root and puts into it what its vendor needs.
func (r *run) openProject(projectRoot string) error {
	var err error
	if r.project, err = openProject(r.ws, projectRoot); err != nil {
		return err
	}
	return r.vendor.Lay(r.project)
}

// createTemp makes a file of the worker's own beside the workspace.
func (r *run) createTemp(name string) (*os.File, error) {
	return os.OpenFile(r.path(name), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}
