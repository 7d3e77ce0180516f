package secrets

import (
	"bytes"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// maxLine is how much of a line without an end is held back before it is
// emitted in parts.
const maxLine = 64 << 10

// LineWriter masks a stream line by line, so that a secret split over two
// writes is still found. It never emits part of a line before its newline,
// except that a line longer than 64 KiB is broken into several, with enough
// overlap kept that a secret across the break is masked on both sides.
// It is safe for concurrent use.
type LineWriter struct {
	mu     sync.Mutex
	masker *Masker
	emit   func(line string)
	buf    []byte // an unfinished line; buf[:shown] was emitted already
	shown  int
	key    int  // lines of the private key that is being printed, 0 for none
	hidden bool // the unfinished line adds a mask: none of it is shown
}

// addMask is how code that runs says what must not be shown from then on. Before
// it, in its line, there may be what OpenTofu puts before a command's words.
const addMask = "::add-mask "

// escapes are colours and other orders to a terminal.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// NewLineWriter returns a writer that calls emit for each masked line, newline
// included, from the goroutine that writes.
func NewLineWriter(m *Masker, emit func(line string)) *LineWriter {
	return &LineWriter{masker: m, emit: emit}
}

// Write implements io.Writer; it never fails.
func (w *LineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		part, rest, found := bytes.Cut(p, []byte{'\n'})
		for len(part) > 0 {
			take := min(len(part), maxLine+1-(len(w.buf)-w.shown))
			w.buf = append(w.buf, part[:take]...)
			part = part[take:]
			w.breakLong()
		}
		if found {
			w.finish()
		}
		p = rest
	}
	return n, nil
}

// breakLong emits the safe part of a line that has grown too long.
func (w *LineWriter) breakLong() {
	if len(w.buf)-w.shown <= maxLine {
		return
	}
	if w.hidden = w.hidden || bytes.Contains(w.buf, []byte(addMask)); w.hidden {
		w.buf, w.shown = w.buf[:0], 0 // the value is too long; finish says so
		return
	}
	overlap := max(w.masker.reach()-1, 0)
	end := len(w.buf) - overlap
	for back := 0; back < utf8.UTFMax && end < len(w.buf) && !utf8.RuneStart(w.buf[end]); back++ {
		end-- // do not cut a character in two
	}
	w.emit(w.show(end, false) + "\n")
	drop := max(end-overlap, 0)
	w.buf = append(w.buf[:0], w.buf[drop:]...)
	w.shown = end - drop
}

func (w *LineWriter) finish() {
	switch {
	case w.hidden:
		w.emit("A value given to ::add-mask is not masked: it is too long\n")
	case bytes.Contains(w.buf, []byte(addMask)):
		_, value, _ := strings.Cut(string(w.buf), addMask)
		if value = strings.TrimSpace(escapes.ReplaceAllString(value, "")); value != "" && !w.masker.Add(value) {
			w.emit("A value given to ::add-mask is not masked: it is too short or too long, or there are too many\n")
		}
	default:
		w.emit(w.show(len(w.buf), true) + "\n")
	}
	w.buf, w.shown, w.hidden = w.buf[:0], 0, false
}

// show masks the line from what was shown to end; whole says that this is the
// end of the line. The lines of a private key are hidden from its first to its
// last, where well-known secrets are.
func (w *LineWriter) show(end int, whole bool) string {
	line := string(w.buf)
	if !w.masker.WellKnown {
		return w.masker.render(line, w.shown, end)
	}
	from, to, open := keyBlock(line[w.shown:end], w.key > 0)
	if from == to && !open {
		w.key = 0
		return w.masker.render(line, w.shown, end)
	}
	from, to = from+w.shown, to+w.shown
	text := w.masker.render(line, w.shown, from) + Mask + w.masker.render(line, to, end)
	switch {
	case !open || w.key >= maxKey:
		w.key = 0
	case whole || w.key == 0:
		w.key++
	}
	return text
}

// Flush ends an unfinished line and emits it. Call it when nothing more will
// be written to the line, such as when a process has ended.
func (w *LineWriter) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.buf) > w.shown {
		w.finish()
	}
}

// Close flushes.
func (w *LineWriter) Close() error {
	w.Flush()
	return nil
}
