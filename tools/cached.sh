#!/bin/sh
# Builds the program that tools/<folder>/go.mod pins, once a version, outside
# the work tree, and prints where it is:
#
#   tools/cached.sh <folder> <package> [linker flags]
#
# What it says while it builds goes to standard error.
set -eu

folder=$1 package=$2 flags="-s -w ${3-}"
module=$(dirname "$0")/$folder
name=${package##*/}
version=$(sed -n 's/^require [^ ]* v\([^ ]*\)$/\1/p' "$module/go.mod" | head -n 1)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/airlock/$folder/$version
program=$cache/$name

if [ ! -x "$program" ]; then
	echo "building $name $version from source; once, three to six minutes on two cores" >&2
	mkdir -p "$cache"
	began=$(date +%s)
	# Built aside and renamed: nobody ever sees half a program.
	(cd "$module" && CGO_ENABLED=0 GOWORK=off GOFLAGS="-buildvcs=false" go build -ldflags "$flags" -o "$program.$$" "$package")
	mv "$program.$$" "$program"
	echo "built $name $version in $(($(date +%s) - began)) s: $program" >&2
fi
echo "$program"
