package secrets

import (
	"bytes"
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
}

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
	overlap := max(w.masker.longest-1, 0)
	end := len(w.buf) - overlap
	for back := 0; back < utf8.UTFMax && end < len(w.buf) && !utf8.RuneStart(w.buf[end]); back++ {
		end-- // do not cut a character in two
	}
	w.emit(w.masker.render(string(w.buf), w.shown, end) + "\n")
	drop := max(end-overlap, 0)
	w.buf = append(w.buf[:0], w.buf[drop:]...)
	w.shown = end - drop
}

func (w *LineWriter) finish() {
	w.emit(w.masker.render(string(w.buf), w.shown, len(w.buf)) + "\n")
	w.buf, w.shown = w.buf[:0], 0
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
