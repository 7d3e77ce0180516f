package domain

import (
	"path"
	"regexp"
	"strings"

	"github.com/distribution/reference"
)

// CheckImage accepts the name of a container image as registries know them, with
// a tag, a digest, both or neither; or nothing.
func CheckImage(field, image string) error {
	if image == "" {
		return nil
	}
	if err := CheckLine(field, image); err != nil {
		return err
	}
	if _, err := reference.ParseNormalizedNamed(image); err != nil {
		return Invalid(field, "%q is not the name of a container image", clip(image))
	}
	return nil
}

// CanonicalImage is an image with its registry and a tag or digest: what a short
// name stands for must not depend on how an engine is set up.
func CanonicalImage(image string) (string, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", Invalid("runnerImage", "%q is not the name of a container image", clip(image))
	}
	return reference.TagNameOnly(named).String(), nil
}

// ImagePattern allows container images.
type ImagePattern struct{ repository, tag, digest string }

var imageDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// ParseImagePattern reads a pattern such as registry.example.com/tools/*:3: an
// image with its registry, in which * stands for any part of one part of the
// name or of the tag. Without a tag it allows every tag and digest, with one no
// digest, because that would win; with a digest it allows that alone.
func ParseImagePattern(text string) (p ImagePattern, err error) {
	wrong := Invalid("image", "%q is not an image with its registry, such as registry.example.com/tools/*:3", clip(text))
	p.repository, p.digest, _ = strings.Cut(text, "@")
	if p.digest != "" && !imageDigest.MatchString(p.digest) || p.digest == "" && strings.HasSuffix(text, "@") {
		return p, wrong
	}
	if at := strings.LastIndexByte(p.repository, ':'); at > strings.LastIndexByte(p.repository, '/') {
		p.repository, p.tag = p.repository[:at], p.repository[at+1:]
		if p.tag == "" {
			return p, wrong
		}
	}
	registry, name, found := strings.Cut(p.repository, "/")
	host := strings.ContainsAny(registry, ".:") || registry == "localhost"
	if !found || name == "" || !host || strings.ContainsAny(registry, `*?[\`) || CheckLine("image", text) != nil {
		return p, wrong
	}
	for _, pattern := range []string{p.repository, p.tag} {
		if _, err := path.Match(pattern, ""); err != nil {
			return p, wrong
		}
	}
	return p, nil
}

// Allows reports whether the pattern allows an image, however its name is
// written.
func (p ImagePattern) Allows(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return false
	}
	tag, digest := "", ""
	if d, ok := named.(reference.Digested); ok {
		digest = d.Digest().String()
	} else if t, ok := reference.TagNameOnly(named).(reference.Tagged); ok {
		tag = t.Tag()
	}
	switch {
	case !matches(p.repository, named.Name()):
		return false
	case p.digest != "":
		return digest == p.digest
	case p.tag != "":
		return digest == "" && matches(p.tag, tag)
	default:
		return true
	}
}

func matches(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return ok && err == nil
}
