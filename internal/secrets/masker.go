package secrets

import (
	"slices"
	"sort"
	"strings"
	"sync"
)

// MinMaskable is the length in bytes from which a value is masked. A shorter
// one would turn up in so many innocent places that masking it would garble
// the log and, by its pattern, give the value away.
const MinMaskable = 4

// Mask is what stands in for a secret.
const Mask = "***"

// Masker hides secret values in text: as they are, base64-encoded (the three
// alignments, both alphabets), URL-encoded, escaped for JSON or HCL, and each
// line of a value with several lines. What code reverses, encrypts, hexes or
// prints letter by letter cannot be recognised. Where it is asked to, it also
// hides what has the form of a well-known kind of secret. Values may be added
// while it is in use. It is safe for concurrent use.
type Masker struct {
	// WellKnown says that well-known kinds of secrets are hidden, too. It must be
	// set before the first use.
	WellKnown bool

	mu       sync.RWMutex
	known    map[string]bool                // needles
	added    []string                       // values, in the order in which they came
	byPrefix map[[MinMaskable]byte][]string // longest first
	first    [256]bool                      // bytes that some needle starts with
	longest  int
	ignored  int
}

// NewMasker returns a masker for the values. Values shorter than MinMaskable
// are not masked; Ignored counts them.
func NewMasker(values []string) *Masker {
	m := &Masker{byPrefix: map[[MinMaskable]byte][]string{}, known: map[string]bool{}}
	for _, v := range values {
		if len(v) < MinMaskable {
			if v != "" {
				m.ignored++
			}
			continue
		}
		m.hide(v)
	}
	return m
}

// maxAdded and maxAddedSize bound what is added while a run goes on, and with
// it the cost of each line.
const (
	maxAdded     = 1000
	maxAddedSize = 16 << 10
)

// Add hides one more value from now on. It reports whether it does: not a value
// that is too short or too long, nor one more than a thousand.
func (m *Masker) Add(value string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case slices.Contains(m.added, value):
		return true
	case len(value) < MinMaskable || len(value) > maxAddedSize || len(m.added) >= maxAdded:
		return false
	}
	m.added = append(m.added, value)
	m.hide(value)
	return true
}

// Hide is Add for a value of the worker's own: it is not among those that Added
// returns, and there may be any number.
func (m *Masker) Hide(value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(value) >= MinMaskable {
		m.hide(value)
	}
}

// Added returns the values that were added.
func (m *Masker) Added() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Clone(m.added)
}

// hide adds all forms of a value.
func (m *Masker) hide(value string) {
	for _, n := range needles(value) {
		if m.known[n] {
			continue
		}
		m.known[n] = true
		p := [MinMaskable]byte([]byte(n[:MinMaskable]))
		list := append(m.byPrefix[p], n)
		sort.Slice(list, func(i, j int) bool { return len(list[i]) > len(list[j]) })
		m.byPrefix[p] = list
		m.first[n[0]] = true
		m.longest = max(m.longest, len(n))
	}
}

// reach is how long a secret can be, and with it what a LineWriter must keep of
// a line that it breaks.
func (m *Masker) reach() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.WellKnown {
		return max(m.longest, maxToken)
	}
	return max(m.longest, 2*len(addMask)) // that must not be cut in two, either
}

// Ignored is the number of values that are too short to be masked.
func (m *Masker) Ignored() int { return m.ignored }

// Mask returns line with every secret replaced. It works on whole lines: use
// a LineWriter for a stream.
func (m *Masker) Mask(line string) string { return m.render(line, 0, len(line)) }

// render masks line[from:to], taking into account matches that begin before
// from or end after to.
func (m *Masker) render(line string, from, to int) string {
	var b strings.Builder
	at := from
	for _, s := range m.spans(line) {
		start, end := max(s[0], from), min(s[1], to)
		if start >= end {
			continue
		}
		b.WriteString(line[at:start])
		b.WriteString(Mask)
		at = end
	}
	if at == 0 && to == len(line) {
		return line
	}
	b.WriteString(line[at:to])
	return b.String()
}

// spans returns the parts of line that secrets cover, in order; matches that
// overlap or touch are one span, so that no piece of either survives.
func (m *Masker) spans(line string) [][2]int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var out [][2]int
	cover := func(i, end int) {
		if last := len(out) - 1; last >= 0 && i <= out[last][1] {
			out[last][1] = max(out[last][1], end)
		} else {
			out = append(out, [2]int{i, end})
		}
	}
	for i := 0; i+MinMaskable <= len(line); i++ {
		if m.WellKnown && byFirst[line[i]] != nil {
			if end := wellKnown(line, i); end > 0 {
				cover(i, end)
			}
		}
		if !m.first[line[i]] {
			continue
		}
		for _, n := range m.byPrefix[[MinMaskable]byte([]byte(line[i:i+MinMaskable]))] {
			if !strings.HasPrefix(line[i:], n) {
				continue
			}
			cover(i, i+len(n))
			break
		}
	}
	return out
}
