package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/airlock-project/airlock/authz/worlds"
)

// loaded is what a contender says when it is ready.
type loaded struct {
	Spaces, Actors, Bindings int
	Load                     time.Duration
	Heap                     uint64 // bytes
	Questions                int    // in a round
}

// measured is one round of one contender.
type measured struct {
	Decision time.Duration // by the clock, a question
	CPU      time.Duration // of all threads, a question
	Allocs   float64
	Allowed  float64 // share of the answers
}

// contender is an engine in a process of its own.
type contender struct {
	engine engine
	loaded
	rounds  []measured
	command *exec.Cmd
	ask     *json.Encoder
	answers *json.Decoder
	in      io.Closer
}

func start(e engine, spaces int, slice time.Duration) (*contender, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &contender{engine: e, command: exec.Command(self, "-engine", e.name, "-spaces", strconv.Itoa(spaces), "-slice", slice.String())}
	c.command.Stderr = os.Stderr
	in, err := c.command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.in, c.ask, c.answers = in, json.NewEncoder(in), json.NewDecoder(out)
	if err := c.command.Start(); err != nil {
		return nil, err
	}
	if err := c.answers.Decode(&c.loaded); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// round measures the contender on the questions of a seed.
func (c *contender) round(seed uint64) error {
	if err := c.ask.Encode(seed); err != nil {
		return err
	}
	var m measured
	if err := c.answers.Decode(&m); err != nil {
		return err
	}
	c.rounds = append(c.rounds, m)
	return nil
}

// stop ends the process by the end of its input.
func (c *contender) stop() error {
	_ = c.in.Close() // it is waiting for this
	return c.command.Wait()
}

// serve is the other side: it loads an engine, checks it, and measures a round
// for every seed that it reads.
func serve(name string, spaces int, slice time.Duration) error {
	at := slices.IndexFunc(engines, func(e engine) bool { return e.name == name })
	if at < 0 {
		return fmt.Errorf("no engine %q", name)
	}
	w := sized(spaces)
	before := heap()
	began := time.Now()
	check, err := engines[at].load(w)
	if err != nil {
		return err
	}
	ready := loaded{Spaces: len(w.Spaces), Actors: len(w.Actors), Bindings: len(w.Bindings), Load: time.Since(began)}
	ready.Heap = heap() - before
	if ready.Questions, err = w.calibrate(check, slice); err != nil {
		return err
	}
	out, in := json.NewEncoder(os.Stdout), json.NewDecoder(os.Stdin)
	if err := out.Encode(ready); err != nil {
		return err
	}
	for {
		var seed uint64
		if err := in.Decode(&seed); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		m, err := w.measure(check, w.questions(seed, ready.Questions))
		if err != nil {
			return err
		}
		if err := out.Encode(m); err != nil {
			return err
		}
	}
}

const (
	sample       = 2_000   // questions that are checked before anything is measured
	maxQuestions = 200_000 // of a round; beyond that more teach nothing
)

// calibrate checks a sample of answers, for up to twenty slices, and returns
// how many questions a slice has room for.
func (w *world) calibrate(check decide, slice time.Duration) (int, error) {
	began, asked := time.Now(), 0
	for _, q := range w.questions(1<<32, sample) {
		if err := w.verify(check, []worlds.Question{q}); err != nil {
			return 0, err
		}
		asked++
		if time.Since(began) > 20*slice {
			break
		}
	}
	n := max(4, asked/8)
	for {
		m, err := w.measure(check, w.questions(1<<33, n))
		if err != nil {
			return 0, err
		}
		if room := int(slice / max(1, m.Decision)); room < 4*n || n >= maxQuestions {
			return min(maxQuestions, max(4, room)), nil
		}
		n *= 4
	}
}

// measure times all questions in one go, and then checks every answer.
func (w *world) measure(check decide, questions []worlds.Question) (measured, error) {
	answers := make([]bool, len(questions))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began, busy := time.Now(), cpu()
	for i, q := range questions {
		var err error
		if answers[i], err = check(q); err != nil {
			return measured{}, fmt.Errorf("%v: %w", q, err)
		}
	}
	took, used := time.Since(began), cpu()-busy
	runtime.ReadMemStats(&after)
	allowed := 0
	for i, q := range questions {
		if answers[i] != w.answer(q) {
			return measured{}, fmt.Errorf("%s %s in %s: answered %t", q.Subject.Actor.ID, q.Action, q.Target.Space, answers[i])
		}
		if answers[i] {
			allowed++
		}
	}
	n := len(questions)
	return measured{
		Decision: took / time.Duration(n), CPU: used / time.Duration(n),
		Allocs: float64(after.Mallocs-before.Mallocs) / float64(n), Allowed: float64(allowed) / float64(n),
	}, nil
}

// cpu is the time that this process has had of all processors.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
