package secrets

import (
	"sort"
	"strings"
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
// prints letter by letter cannot be recognised. It is safe for concurrent use.
type Masker struct {
	byPrefix map[[MinMaskable]byte][]string // longest first
	first    [256]bool                      // bytes that some needle starts with
	longest  int
	ignored  int
}

// NewMasker returns a masker for the values. Values shorter than MinMaskable
// are not masked; Ignored counts them.
func NewMasker(values []string) *Masker {
	m := &Masker{byPrefix: map[[MinMaskable]byte][]string{}}
	seen := map[string]bool{}
	for _, v := range values {
		if len(v) < MinMaskable {
			if v != "" {
				m.ignored++
			}
			continue
		}
		for _, n := range needles(v) {
			if !seen[n] {
				seen[n] = true
				m.add(n)
			}
		}
	}
	for _, list := range m.byPrefix {
		sort.Slice(list, func(i, j int) bool { return len(list[i]) > len(list[j]) })
	}
	return m
}

func (m *Masker) add(needle string) {
	p := [MinMaskable]byte([]byte(needle[:MinMaskable]))
	m.byPrefix[p] = append(m.byPrefix[p], needle)
	m.first[needle[0]] = true
	m.longest = max(m.longest, len(needle))
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
	var out [][2]int
	for i := 0; i+MinMaskable <= len(line); i++ {
		if !m.first[line[i]] {
			continue
		}
		for _, n := range m.byPrefix[[MinMaskable]byte([]byte(line[i:i+MinMaskable]))] {
			if !strings.HasPrefix(line[i:], n) {
				continue
			}
			end := i + len(n)
			if last := len(out) - 1; last >= 0 && i <= out[last][1] {
				out[last][1] = max(out[last][1], end)
			} else {
				out = append(out, [2]int{i, end})
			}
			break
		}
	}
	return out
}
