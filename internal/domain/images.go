package domain

import (
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
