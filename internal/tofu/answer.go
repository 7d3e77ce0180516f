package tofu

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// maxAnswer bounds an answer that is held as a whole: no state that the control
// plane takes is larger, and no output is that is not in one.
const maxAnswer = 128 << 20

// read runs a process and hands on what it answers in JSON while it comes. Before
// that may stand warnings.
func (p Process) read(ctx context.Context, do func(body io.Reader) error) error {
	from, to := io.Pipe()
	defer func() { _ = from.Close() }() // so that nothing waits for a reader that is gone
	p.Stdout = to
	ended := make(chan error, 1)
	go func() {
		err := p.Run(ctx)
		_ = to.Close() // it never fails
		ended <- err
	}()
	err := do(newObjectReader(from))
	_, _ = io.Copy(io.Discard, from) // the process goes on whether it is understood or not
	if failed := <-ended; failed != nil {
		return failed
	}
	return err
}

// plan reads what a process tells of a plan, and whether there is something to
// apply.
func (p Process) plan(ctx context.Context) (plan *Plan, changes bool, err error) {
	err = p.read(ctx, func(body io.Reader) error {
		plan, changes, err = ReadPlan(body)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return plan, changes, nil
}

// ask returns an answer of up to so many bytes as a whole.
func (p Process) ask(ctx context.Context, most int64) (answer []byte, err error) {
	err = p.read(ctx, func(body io.Reader) error {
		var out bytes.Buffer
		n, err := out.ReadFrom(io.LimitReader(body, most+1))
		if err == nil && n > most {
			err = fmt.Errorf("the answer of %s is larger than %d MiB", p.Name, most>>20)
		}
		answer = out.Bytes()
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// objectReader leaves out what stands before the first line that begins with an
// object.
type objectReader struct {
	in    *bufio.Reader
	found bool
}

func newObjectReader(from io.Reader) io.Reader { return &objectReader{in: bufio.NewReader(from)} }

// Read implements io.Reader.
func (r *objectReader) Read(p []byte) (int, error) {
	for !r.found {
		next, err := r.in.Peek(1)
		if err != nil {
			return 0, err
		}
		if r.found = next[0] == '{'; r.found {
			break
		}
		for more := true; more; {
			_, err := r.in.ReadSlice('\n')
			if more = errors.Is(err, bufio.ErrBufferFull); err != nil && !more {
				return 0, err
			}
		}
	}
	return r.in.Read(p)
}
