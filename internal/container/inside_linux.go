package container

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// wait keeps a container alive, and buries what its processes leave behind.
func wait() int {
	ended := make(chan os.Signal, 8)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT, syscall.SIGCHLD)
	for sig := range ended {
		if sig != syscall.SIGCHLD {
			return 0
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
	return 0
}

// imagePath is where programs are found in an image that does not say.
const imagePath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// inside starts the process that the first line of in describes, in a process
// group of its own. Each further byte is a signal for the group; the end of in
// is the group's, too, and so is the end of the process.
func inside(in io.Reader) int {
	listen := bufio.NewReader(in)
	var p process
	line, err := listen.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &p)
	}
	if err == nil && p.Dir != "" {
		err = os.Chdir(p.Dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "container:", err)
		return exitContainer
	}
	pid, err := p.start()
	if err != nil {
		fmt.Fprintf(os.Stderr, "container: the image cannot run %s: %v\n", p.Path, err)
		return exitStart
	}
	go obey(listen, pid)
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL) // what it left behind
	switch {
	case err != nil:
		return exitStart
	case status.Signaled():
		return exitSignal + int(status.Signal())
	default:
		return status.ExitStatus()
	}
}

func (p process) start() (pid int, err error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	files := []uintptr{null.Fd(), 1, 2}
	if p.Merged {
		files[2] = 1 // the engine would not keep the order of lines
	}
	return syscall.ForkExec(p.Path, p.Args, &syscall.ProcAttr{
		Env: p.environ(os.Environ()), Files: files, Sys: &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
}

// environ puts the run's variables over those of the image.
func (p process) environ(image []string) (env []string) {
	at := map[string]int{}
	before := ""
	if p.Programs != "" {
		before = p.Programs + string(filepath.ListSeparator)
	}
	own := len(image) + 1
	for n, v := range append(append([]string{"PATH=" + imagePath}, image...), p.Env...) {
		name, value, _ := strings.Cut(v, "=")
		if name == "PATH" && n < own {
			v = "PATH=" + before + value
		}
		if i, ok := at[name]; ok {
			env[i] = v
			continue
		}
		at[name] = len(env)
		env = append(env, v)
	}
	return env
}

// obey signals the group as it is told, until nobody tells anything any more.
func obey(in io.ByteReader, pid int) {
	for {
		n, err := in.ReadByte()
		if err != nil {
			break
		}
		_ = syscall.Kill(-pid, syscall.Signal(n)) // it may have ended
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL)
}
