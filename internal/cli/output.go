package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
)

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// clean takes out what could command a terminal, or end the line: names and
// reasons are what somebody wrote.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.In(r, unicode.Cf):
			return unicode.ReplacementChar
		default:
			return r
		}
	}, s)
}

// table writes rows under their titles in columns.
func table(w io.Writer, titles []string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{titles}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = clean(cell)
			if cells[i] == "" {
				cells[i] = "-"
			}
		}
		if _, err := fmt.Fprintln(t, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return t.Flush()
}

// branch is a line of a tree with what hangs below it.
type branch struct {
	text  string
	below []branch
}

// tree writes a tree with its root at the margin.
func tree(w io.Writer, root branch) error {
	if _, err := fmt.Fprintln(w, clean(root.text)); err != nil {
		return err
	}
	return twigs(w, root.below, "")
}

func twigs(w io.Writer, below []branch, indent string) error {
	for i, b := range below {
		mark, further := "├─ ", "│  "
		if i == len(below)-1 {
			mark, further = "└─ ", "   "
		}
		if _, err := fmt.Fprintln(w, indent+mark+clean(b.text)); err != nil {
			return err
		}
		if err := twigs(w, b.below, indent+further); err != nil {
			return err
		}
	}
	return nil
}

// moment shows Unix seconds; nil is no moment.
func moment(seconds *int64) string {
	if seconds == nil {
		return ""
	}
	return time.Unix(*seconds, 0).UTC().Format("2006-01-02 15:04 UTC")
}

// span is a length of time that also counts days: 30m, 8h, 7d.
type span time.Duration

// UnmarshalText reads an argument.
func (s *span) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is no length of time; write 30m, 8h or 7d", text)
		}
		*s = span(time.Duration(n) * 24 * time.Hour)
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no length of time; write 30m, 8h or 7d", text)
	}
	*s = span(d)
	return nil
}

func (s span) seconds() int64 { return int64(time.Duration(s) / time.Second) }

func (s span) String() string {
	d := time.Duration(s)
	switch {
	case d >= 24*time.Hour && d%(24*time.Hour) == 0:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	case d >= time.Hour && d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d >= time.Minute && d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	default:
		return d.String()
	}
}
