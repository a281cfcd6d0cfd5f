# shellcheck shell=bash
# What the analysers share.  Sourced; leaves us in the root of the tree.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
lint_name=$(basename "$0")
lint_bad=0

# lint_files PATTERN... - our files (tracked, or new and not ignored) by name
lint_files() {
	# Not only where there is no git: it also refuses a folder of somebody
	# else's, and analysers of no file would be content.
	if git ls-files --error-unmatch Makefile >/dev/null 2>&1; then
		git ls-files -co --exclude-standard --deduplicate -- "$@" |
		    while read -r file; do
			[[ ! -f $file ]] || echo "$file"
		    done
	else
		local pattern

		for pattern in "$@"; do
			find . \( -name build -o -name .git -o \
			    -name __pycache__ \) -prune -o \
			    -type f -path "./$pattern" -printf '%P\n'
		done
	fi | sort -u
}

# lint_args DEFAULT-COMMAND ARG... - the files asked for, or all
lint_args() {
	local all=$1

	set -f # patterns in the command are lint_files' to expand
	shift
	if [[ $# -gt 0 ]]; then
		printf '%s\n' "$@"
	else
		$all
	fi
}

# lint_c - sources and headers
lint_c() {
	lint_files '*.[ch]'
}

# lint_sources - what is compiled
lint_sources() {
	lint_files '*.c'
}

# lint_bad MESSAGE - a finding
lint_bad() {
	echo "$*"
	lint_bad=$((lint_bad + 1))
}

# lint_take - findings on stdin, one a line
lint_take() {
	local line

	while IFS= read -r line; do
		lint_bad "$line"
	done
}

# lint_end WHAT - one line when all is well; ends the script
lint_end() {
	if [[ $lint_bad -gt 0 ]]; then
		echo "lint $lint_name: $lint_bad found"
		exit 1
	fi
	echo "lint $lint_name: $*"
	exit 0
}

# lint_build CC [PORTABLE] - compile everything without linking; errors on
# stdout.  Other scripts may want the same objects at the same time.
lint_build() {
	local folder=build/lint-$1${2:+-portable} status

	mkdir -p "$folder"
	flock "$folder" make -s -k -j"$(nproc)" objects \
	    BUILD="$folder" CC="$1" \
	    PORTABLE="${2-}" SAN= WERROR="-Werror $(lint_warnings "$1")" \
	    CFLAGS=-O2 CPPFLAGS= 2>&1
	status=$?
	return $status
}

# lint_warnings CC - what is asked beyond the flags of every build
lint_warnings() {
	printf '%s ' -Wformat=2 -Wno-format-nonliteral -Wpointer-arith \
	    -Wcast-qual -Wcast-align -Wold-style-definition -Wredundant-decls \
	    -Wnull-dereference -Wimplicit-fallthrough
	if [[ $1 == gcc* ]]; then
		echo -Wduplicated-cond -Wduplicated-branches -Wformat-signedness
	else
		echo -Wunreachable-code -Wcomma -Wassign-enum
	fi
}

# lint_cflags - what a compiler must be told to understand a file of ours
lint_cflags() {
	local libraries

	libraries=$(sed -n 's/^PKGS[[:space:]]*:= *//p' Makefile)
	# shellcheck disable=SC2086 # words
	echo -std=c11 -D_GNU_SOURCE '-DTEELINE_VERSION="0"' -Isrc -Itests \
	    -Itests/unit "$(pkg-config --cflags $libraries)"
}
