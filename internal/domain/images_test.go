package domain

import (
	"strings"
	"testing"
)

func TestImagePatterns(t *testing.T) {
	digest, other := "@sha256:"+strings.Repeat("a", 64), "@sha256:"+strings.Repeat("b", 64)
	for pattern, images := range map[string]map[string]bool{
		"registry.example.com/tools": {
			"registry.example.com/tools": true, "registry.example.com/tools:3": true, "registry.example.com/tools:3" + digest: true,
			"registry.example.com/tools/x": false, "registry.example.com/toolsx": false, "tools": false, "registry.example.com.evil.net/tools": false,
			"evil.net/registry.example.com/tools": false, "registry.example.com:5000/tools": false,
		},
		"registry.example.com/tools/*:3": {
			"registry.example.com/tools/a:3": true, "registry.example.com/tools/a": false, "registry.example.com/tools/a:33": false,
			"registry.example.com/tools/a/b:3": false, "registry.example.com/tools/a:3" + digest: false, "registry.example.com/tools/a" + digest: false,
		},
		"docker.io/library/alpine:3*": {
			"alpine:3.20": true, "docker.io/alpine:3": true, "docker.io/library/alpine:3": true, "alpine": false, "someone/alpine:3": false,
		},
		"localhost:5000/a" + digest: {
			"localhost:5000/a" + digest: true, "localhost:5000/a:1" + digest: true, "localhost:5000/a:1": false, "localhost:5000/a" + other: false,
		},
		"docker.io/*/*": {"alpine": true, "someone/alpine": true, "quay.io/someone/alpine": false, "a b": false, "": false},
	} {
		p, err := ParseImagePattern(pattern)
		if err != nil {
			t.Errorf("%s: %v", pattern, err)
			continue
		}
		for image, want := range images {
			if got := p.Allows(image); got != want {
				t.Errorf("%s allows %s: %v", pattern, image, got)
			}
		}
	}
	for _, wrong := range []string{
		"", "alpine", "tools/alpine", "*/alpine", "*.example.com/alpine", "registry.example.com", "registry.example.com/", "registry.example.com/a:",
		"registry.example.com/a@", "registry.example.com/a@sha256:1", "registry.example.com/[", "registry.example.com/a\nb",
	} {
		if p, err := ParseImagePattern(wrong); err == nil {
			t.Errorf("%q: %+v", wrong, p)
		}
	}
}
