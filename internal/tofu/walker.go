package tofu

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Bounds on a JSON document that code of a run has made: in all, of what must be
// held at a time (one string, or one value that is decoded), and of how deep it is.
const (
	maxDocument = 512 << 20
	maxHeld     = 64 << 20
	maxDepth    = 10_000
)

var errTooDeep = fmt.Errorf("it is nested deeper than %d", maxDepth)

// walker goes through a JSON document while it comes, and holds no more of it
// than the value that it is at.
type walker struct {
	name string // what errors call the document
	dec  *json.Decoder
	from io.Reader
	read int64 // of the document so far
	most int64 // of all of it
	held int64 // of what is read before it is gone through
	deep int   // where the walker is
}

func newWalker(from io.Reader, name string) *walker {
	w := &walker{name: name, from: from, most: maxDocument, held: maxHeld}
	w.dec = json.NewDecoder(w)
	return w
}

// Read hands the document to the decoder, within the bounds.
func (w *walker) Read(p []byte) (int, error) {
	switch {
	case w.read > w.most:
		return 0, fmt.Errorf("it is larger than %d MiB", w.most>>20)
	case w.read-w.dec.InputOffset() > w.held:
		return 0, fmt.Errorf("one value of it is larger than %d MiB", w.held>>20)
	}
	n, err := w.from.Read(p)
	w.read += int64(n)
	return n, err
}

func (w *walker) wrong(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %s: %w", w.name, err)
}

// whole is object for the document itself, after which nothing may come.
func (w *walker) whole(do func(key string) error) error {
	empty := true
	err := w.object(func(key string) error {
		empty = false
		return do(key)
	})
	switch {
	case err != nil:
		return err
	case empty:
		return errors.New("it is empty")
	}
	if _, err := w.dec.Token(); !errors.Is(err, io.EOF) {
		return errors.Join(errors.New("there is more after its end"), err)
	}
	return nil
}

// object calls do for each member of the object that comes next, and do takes the
// member's value. A null has none.
func (w *walker) object(do func(key string) error) error {
	return w.opened('{', func() error {
		t, err := w.dec.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string) // nothing else can stand there
		return do(key)
	})
}

// within is object for the member of that name.
func (w *walker) within(name string, do func(key string) error) error {
	return w.object(func(key string) error {
		if key != name {
			return w.skip()
		}
		return w.object(do)
	})
}

// array calls do for each value of the array that comes next, and do takes it. A
// null has none.
func (w *walker) array(do func() error) error { return w.opened('[', do) }

// opened calls do for each thing in what opens with a delimiter, or is null.
func (w *walker) opened(with json.Delim, do func() error) error {
	t, err := w.dec.Token()
	if err != nil || t == nil {
		return err
	}
	if t != with {
		return fmt.Errorf("it has %v where %v belongs", t, with)
	}
	if w.deep++; w.deep > maxDepth {
		return errTooDeep
	}
	for w.dec.More() {
		if err := do(); err != nil {
			return err
		}
	}
	w.deep--
	_, err = w.dec.Token()
	return err
}

// value decodes what comes next.
func (w *walker) value(into any) error { return w.dec.Decode(into) }

// skip leaves out what comes next.
func (w *walker) skip() error {
	for deep := 0; ; {
		t, err := w.dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			deep++
		case json.Delim('}'), json.Delim(']'):
			deep--
		}
		switch {
		case deep == 0:
			return nil
		case deep > maxDepth:
			return errTooDeep
		}
	}
}
