#!/bin/sh
# Fails when the committed generated code differs from what go generate makes
# now. It generates in a copy, so that it never changes the work tree.
set -eu

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
trap 'exit 1' INT TERM HUP

mkdir "$copy/before" "$copy/after"
git ls-files -co --exclude-standard | while IFS= read -r file; do
	if [ -e "$file" ]; then printf '%s\n' "$file"; fi
done | tar -cf "$copy/files.tar" -T -
tar -xf "$copy/files.tar" -C "$copy/before"
tar -xf "$copy/files.tar" -C "$copy/after"
(cd "$copy/after" && go generate ./...)
if ! (cd "$copy" && diff -ru before after); then
	echo "generated code is out of date: run 'make generate' and commit the result" >&2
	exit 1
fi
