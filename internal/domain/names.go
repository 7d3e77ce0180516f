package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Limits of what a caller may store in one field.
const (
	MaxName        = 255      // runes of a name
	MaxDescription = 64 << 10 // bytes of a description or note
	MaxConfigValue = 2 << 20  // bytes of one variable or mounted file
	MaxLabels      = 100      // labels of one object
	MaxList        = 1000     // entries of any other list field
)

// CheckName accepts a name that a person can read back: not empty, at most
// MaxName characters, valid UTF-8, no control characters.
func CheckName(field, name string) error {
	if strings.TrimSpace(name) == "" {
		return Invalid(field, "must not be empty")
	}
	if len(name) > MaxName*utf8.UTFMax || utf8.RuneCountInString(name) > MaxName {
		return Invalid(field, "must not be longer than %d characters", MaxName)
	}
	if !utf8.ValidString(name) {
		return Invalid(field, "must be valid UTF-8")
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return Invalid(field, "must not contain control characters")
		}
	}
	return nil
}

// CheckLine accepts an optional single-line value such as a branch or a label.
func CheckLine(field, value string) error {
	if value == "" {
		return nil
	}
	return CheckName(field, value)
}

// CheckText accepts a longer text in which line breaks and tabs are fine.
func CheckText(field, text string) error {
	if len(text) > MaxDescription {
		return Invalid(field, "must not be longer than %d bytes", MaxDescription)
	}
	if !utf8.ValidString(text) {
		return Invalid(field, "must be valid UTF-8")
	}
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return Invalid(field, "must not contain control characters")
		}
	}
	return nil
}

// MaxCommand bounds the command of a task, in bytes.
const MaxCommand = 16 << 10

// CheckCommand accepts the command of a task.
func CheckCommand(field, command string) error {
	if strings.TrimSpace(command) == "" {
		return Invalid(field, "must not be empty")
	}
	if len(command) > MaxCommand {
		return Invalid(field, "must not be longer than %d bytes", MaxCommand)
	}
	return CheckText(field, command)
}

// CheckLabels accepts a set of labels.
func CheckLabels(field string, labels []string) error {
	if len(labels) > MaxLabels {
		return Invalid(field, "must not have more than %d entries", MaxLabels)
	}
	for _, l := range labels {
		if err := CheckName(field, l); err != nil {
			return err
		}
	}
	return nil
}

// NameKey is what two names must not share to be told apart: Unicode NFKC and
// case folded, outer white space dropped (access model R13).
func NameKey(name string) string {
	return cases.Fold().String(norm.NFKC.String(strings.TrimSpace(name)))
}

// lookAlikes maps letters that look like those of the Latin alphabet to them,
// after case folding; see Unicode TR39.
var lookAlikes = strings.NewReplacer(
	"а", "a", "в", "b", "с", "c", "ԁ", "d", "е", "e", "һ", "h", "і", "i", "ї", "i", "ј", "j", "к", "k", "ӏ", "l", "м", "m", "н", "h",
	"п", "n", "о", "o", "р", "p", "ԛ", "q", "г", "r", "ѕ", "s", "т", "t", "у", "y", "ѵ", "v", "ԝ", "w", "х", "x", "ӓ", "a", "ё", "e",
	"α", "a", "ε", "e", "ι", "i", "κ", "k", "μ", "m", "ν", "v", "ο", "o", "ρ", "p", "σ", "o", "τ", "t", "υ", "u", "χ", "x", "ω", "w",
	"ı", "i", "ɡ", "g", "ɑ", "a", "ɩ", "i", "0", "o", "1", "l",
)

// lookOf is what two names share that a person cannot tell apart: like
// NameKey, with look-alikes made Latin and only letters and digits kept
// (security case 14).
func lookOf(name string) string {
	plain := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, norm.NFD.String(NameKey(name)))
	return lookAlikes.Replace(plain)
}
