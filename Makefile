# teeline - listen in on TCP streams, write down what was said, pass it on.
#
#	make		build build/teeline
#	make demo	build, show a conversation being relayed and recorded
#	make check	build, run every test; RINGS="unit golden" runs only these,
#			JOBS=1 one end-to-end test at a time
#	make lint	the analysers; each is a script in scripts/lint
#	make bench	timings beside other programs, and the goals: bench/README.md
#	make bench-curves	cost against size, as plots in bench/curves
#	make fuzz	each target of fuzz/ for FUZZ_SECONDS (60), or only
#			FUZZ_TARGETS="http line"; fuzz-coverage: what the corpora
#			reach
#	make month	SESSIONS (100000) short sessions, all outputs: what grows?
#	make soak	everything on, and trouble, for SOAK_MINUTES (30)
#	make package-check	build Debian's package, try it in fresh roots
#	make install	DESTDIR= PREFIX= UNITDIR= (of systemd), and LINKS=1 for
#			the personalities' names
#	make uninstall	the same way back
#	make range	RANGE=main.. builds and tests each commit by itself
#	make clean
#
# The first four install what is missing first, if that may be done here, or
# print the command that does: scripts/install-deps.
#
# Variants, each with a build folder of its own:
#	SAN=address,undefined	sanitizers; SAN=thread
#	PORTABLE=1		without what only Linux has
#	VALGRIND=1		(check) run the program under valgrind
#
# DEPS=no: nothing is looked for or installed (for builders of packages).
# V=1 shows the commands in full.  CC, CPPFLAGS, CFLAGS, LDFLAGS and LDLIBS
# belong to whoever calls make; what this program needs is added to them.

VERSION	:= 0.1.0

PREFIX	?= /usr/local
BINDIR	?= $(PREFIX)/bin
MANDIR	?= $(PREFIX)/share/man
BASHDIR	?= $(PREFIX)/share/bash-completion/completions
ZSHDIR	?= $(PREFIX)/share/zsh/site-functions
FISHDIR	?= $(PREFIX)/share/fish/vendor_completions.d
UNITDIR	?= $(PREFIX)/lib/systemd/system
DOCDIR	?= $(PREFIX)/share/doc/teeline

INSTALL	?= install
PYTHON	?= /usr/bin/python3
RANGE	?= main..
FUZZ_SECONDS ?= 60
SESSIONS ?= 100000
RINGS	?= layers unit golden fuzz memory e2e tree
CFLAGS	?= -O2 -g

BUILD	:= build$(if $(SAN),/san-$(SAN))$(if $(PORTABLE),/portable)
WARN	:= -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	   -Wmissing-prototypes -Wwrite-strings -Wundef -Wvla -Wswitch-enum
# A distribution's own level of fortification stands; without optimization it
# would only warn.
FORTIFY	:= $(if $(strip $(SAN) $(filter -O0,$(CFLAGS)) \
	   $(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS))),, \
	   -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
HARDEN	:= -fstack-protector-strong -fPIE $(FORTIFY)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer \
	   -fno-sanitize-recover=all)
PKGS	:= libuv jansson libmicrohttpd libpcap zlib libzstd libcap-ng libseccomp
ONLY_LINUX := libcap-ng libseccomp

# Asked at the first compilation and then kept: only then are the libraries
# sure to be installed.
ask_pkg	= $(eval $(1) := $(shell pkg-config $(2) \
	   $(filter-out $(if $(PORTABLE),$(ONLY_LINUX)),$(PKGS))))$($(1))
PKG_CFLAGS = $(call ask_pkg,PKG_CFLAGS,--cflags)
PKG_LIBS = $(call ask_pkg,PKG_LIBS,--libs)

OUR_CFLAGS = -std=c11 -D_GNU_SOURCE -DTEELINE_VERSION='"$(VERSION)"' \
	   $(if $(PORTABLE),-DTEELINE_PORTABLE) -Isrc \
	   $(WARN) $(WERROR) $(HARDEN) $(SANFLAGS) $(PKG_CFLAGS)
COMPILE	= $(CC) $(OUR_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LINK	= $(CC) $(CFLAGS) -pie -Wl,-z,relro,-z,now $(SANFLAGS) $(LDFLAGS)
LIBS	= $(PKG_LIBS) -lpthread $(LDLIBS)

# say - a line instead of the command, unless V=1 or make -s
say	= $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo '  $(1)	$@' &&)

# x_linux.c and x_portable.c are two bodies of x.h; one of them is built.
ALL_SRC	:= $(sort $(wildcard src/*/*.c))
SRC	:= $(filter-out $(if $(PORTABLE),%_linux.c,%_portable.c),$(ALL_SRC))
OBJ	:= $(SRC:%.c=$(BUILD)/%.o)
LIB	:= $(BUILD)/libteeline.a

# The page is part of the program; its folders, since files go, too.
WEB	:= $(sort $(shell find web))

# A unit test is a program of its own: tests/unit/LAYER/test_MODULE.c.
UNIT	:= $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/*/test_*.c)))
PLAYER	:= $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/golden/*.c)))
GOLDEN	:= $(if $(PLAYER),$(BUILD)/tests/golden/player)
BENCH	:= $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard bench/*.c)))
# Preloaded into the program by tests that need a system which fails.
FAULT	:= $(BUILD)/tests/fault/fault.so
# A target for fuzzing is fuzz/fuzz_NAME.c; replay_NAME runs it over inputs that
# are there, fuzzer_NAME (clang) makes new ones.
FUZZ	:= $(patsubst fuzz/fuzz_%.c,%,$(sort $(wildcard fuzz/fuzz_*.c)))
FUZZ_TARGETS ?= $(FUZZ)
FUZZ_RIG := $(BUILD)/fuzz/memory.o $(BUILD)/fuzz/names.o
FUZZ_OBJ := $(FUZZ:%=$(BUILD)/fuzz/fuzz_%.o) $(FUZZ_RIG) \
	   $(BUILD)/fuzz/replay.o
REPLAY	:= $(FUZZ:%=$(BUILD)/fuzz/replay_%)
FUZZERS	:= $(FUZZ_TARGETS:%=$(BUILD)/fuzz/fuzzer_%)
# Unit tests of what happens without memory.
MEMORY	:= $(filter %_memory,$(UNIT))
# fuzz/memory.c makes these fail.
comma	:= ,
WRAP	:= $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc strdup strndup)
# fuzz/names.c does not let names out.
FUZZ_WRAP := $(WRAP) -Wl,--wrap=getaddrinfo
EXTRA_OBJ := $(UNIT:=.o) $(PLAYER) $(BENCH:=.o) $(FUZZ_OBJ)

COMPLETIONS := $(addprefix $(BUILD)/completion/,bash zsh fish)
EXAMPLES := packaging/systemd/teeline@.socket \
	   packaging/systemd/teeline-capture.conf $(wildcard examples/*)
PERSONALITIES := gotcpspy netrecord stethoscope tcpreen teecp

all: $(BUILD)/teeline

$(BUILD)/teeline: $(BUILD)/src/app/main.o $(LIB)
	$(call say,LINK) $(LINK) -o $@ $^ $(LIBS)

$(LIB): $(filter-out $(BUILD)/src/app/main.o,$(OBJ)) $(BUILD)/web.o
	@rm -f $@
	$(call say,AR) $(AR) rcs $@ $^

$(BUILD)/%.o: %.c $(BUILD)/flags | build/.deps-build
	@mkdir -p $(@D)
	$(call say,CC) $(COMPILE) -MMD -MP -c -o $@ $<

$(BUILD)/web.c: scripts/embed $(WEB)
	@mkdir -p $(@D)
	$(call say,GEN) scripts/embed web >$@.new
	@mv $@.new $@

$(BUILD)/web.o: $(BUILD)/web.c src/control/files.h $(BUILD)/flags
	$(call say,CC) $(COMPILE) -c -o $@ $<

# Changes only when what compiles or how does: then everything is built anew.
$(BUILD)/flags: FORCE | build/.deps-build
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(COMPILE) $(LINK))' >$@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(LIB)
	$(call say,LINK) $(LINK) -o $@ $^ -lcmocka $(LIBS)

$(MEMORY): %: %.o $(BUILD)/fuzz/memory.o $(LIB)
	$(call say,LINK) $(LINK) $(WRAP) -o $@ $^ -lcmocka $(LIBS)

$(BUILD)/tests/golden/player: $(PLAYER) $(LIB)
	$(call say,LINK) $(LINK) -o $@ $^ $(LIBS)

# It takes the place of calls that fortification and sanitizers wrap.
$(FAULT): tests/fault/fault.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) -std=c11 -D_GNU_SOURCE $(WARN) $(WERROR) \
	    -U_FORTIFY_SOURCE -O2 -g -fPIC -shared -o $@ $< -lpthread

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(LIB)
	$(call say,LINK) $(LINK) -o $@ $^ $(LIBS)

$(REPLAY): $(BUILD)/fuzz/replay_%: $(BUILD)/fuzz/fuzz_%.o \
    $(FUZZ_RIG) $(BUILD)/fuzz/replay.o $(LIB)
	$(call say,LINK) $(LINK) $(FUZZ_WRAP) -o $@ $^ -lcmocka $(LIBS)

$(FUZZERS): $(BUILD)/fuzz/fuzzer_%: $(BUILD)/fuzz/fuzz_%.o \
    $(FUZZ_RIG) $(LIB)
	$(call say,LINK) $(LINK) -fsanitize=fuzzer $(FUZZ_WRAP) -o $@ $^ \
	    -lcmocka $(LIBS)

$(EXTRA_OBJ): | build/.deps-check

$(COMPLETIONS): $(BUILD)/completion/%: $(BUILD)/teeline
	@mkdir -p $(@D)
	$(call say,GEN) $(BUILD)/teeline completion $* >$@.new
	@mv $@.new $@

# Every object there is; the analysers look at them.
objects: $(OBJ) $(EXTRA_OBJ)

unit: $(UNIT)
	SAN=$(SAN) scripts/check $(BUILD) unit

check: all $(UNIT) $(GOLDEN) $(FAULT) $(REPLAY) build/.deps-check \
    $(if $(VALGRIND),build/.deps-valgrind)
	SAN=$(SAN) VALGRIND=$(VALGRIND) PYTHON=$(PYTHON) JOBS=$(JOBS) \
	    scripts/check $(BUILD) $(RINGS)

demo: all build/.deps-demo
	TEELINE=$(BUILD)/teeline scripts/demo

lint: build/.deps-lint
	PYTHON=$(PYTHON) scripts/lint/all

# BENCHFLAGS: bench/run --help
bench: all $(BENCH) build/.deps-bench
	TEELINE=$(BUILD)/teeline $(PYTHON) bench/run $(BENCHFLAGS)

bench-curves: all $(BENCH) build/.deps-bench
	TEELINE=$(BUILD)/teeline $(PYTHON) bench/run --curves \
	    --into bench/curves --rounds 3 $(BENCHFLAGS)

replayers: $(REPLAY)
fuzzers: $(FUZZERS)

# Each in a build folder of its own.
fuzz: build/.deps-lint
	$(MAKE) BUILD=build/fuzzers CC=clang CFLAGS='-O1 -g' \
	    CPPFLAGS='-DTOMBSTONE_RING=128 -DDEFRAG_BLOCKS_DEFAULT=128' \
	    SAN=fuzzer-no-link,address,undefined fuzzers
	scripts/fuzz build/fuzzers $(FUZZ_SECONDS) $(FUZZ_TARGETS)

fuzz-coverage: build/.deps-lint
	$(MAKE) BUILD=build/coverage CC=clang SAN= \
	    CFLAGS='-O1 -g -fprofile-instr-generate -fcoverage-mapping' replayers
	scripts/fuzz-coverage build/coverage $(FUZZ_TARGETS)

# Many short sessions with all outputs at once: nothing may grow.
month: all build/.deps-check
	MONTH=$(SESSIONS) TEELINE=$(BUILD)/teeline SAN=$(SAN) \
	    VALGRIND=$(VALGRIND) $(PYTHON) -m pytest -q -s tests/e2e/test_month.py

# SOAK_SEED throws the same dice again.
soak: all $(FAULT) build/.deps-check
	SAN=$(SAN) TEELINE=$(BUILD)/teeline $(PYTHON) -B tests/soak/soak

range:
	scripts/range $(RANGE)

package-check: build/.deps-package
	packaging/try-package

# One stamp per group of packages, so that looking costs nothing.
build/.deps-%: scripts/install-deps
	@mkdir -p build
	@$(if $(filter no,$(DEPS)),:,scripts/install-deps $*)
	@touch $@

# Its programs are built with what the first group brings.
build/.deps-check build/.deps-demo build/.deps-lint build/.deps-bench \
build/.deps-package: \
    | build/.deps-build

install: all $(COMPLETIONS)
	$(INSTALL) -d $(addprefix $(DESTDIR),$(BINDIR) $(MANDIR)/man1 \
	    $(MANDIR)/man5 $(MANDIR)/man7 $(BASHDIR) $(ZSHDIR) $(FISHDIR) \
	    $(UNITDIR) $(DOCDIR)/examples)
	$(INSTALL) -m 755 $(BUILD)/teeline $(DESTDIR)$(BINDIR)/teeline
	$(INSTALL) -m 644 man/teeline*.1 $(DESTDIR)$(MANDIR)/man1/
	$(INSTALL) -m 644 man/teeline*.5 $(DESTDIR)$(MANDIR)/man5/
	$(INSTALL) -m 644 man/teeline*.7 $(DESTDIR)$(MANDIR)/man7/
	$(INSTALL) -m 644 man/stethoscope.conf.5 \
	    $(DESTDIR)$(MANDIR)/man5/teeline-stethoscope.conf.5
	for p in $(PERSONALITIES); do \
	    $(INSTALL) -m 644 man/$$p.1 \
	        $(DESTDIR)$(MANDIR)/man1/teeline-$$p.1 || exit 1; \
	done
	$(INSTALL) -m 644 $(BUILD)/completion/bash $(DESTDIR)$(BASHDIR)/teeline
	$(INSTALL) -m 644 $(BUILD)/completion/zsh $(DESTDIR)$(ZSHDIR)/_teeline
	$(INSTALL) -m 644 $(BUILD)/completion/fish \
	    $(DESTDIR)$(FISHDIR)/teeline.fish
	sed 's|^\(Exec[A-Z][a-z]*=\)teeline |\1$(BINDIR)/teeline |' \
	    packaging/systemd/teeline@.service \
	    >$(DESTDIR)$(UNITDIR)/teeline@.service
	chmod 644 $(DESTDIR)$(UNITDIR)/teeline@.service
	$(INSTALL) -m 644 $(EXAMPLES) $(DESTDIR)$(DOCDIR)/examples/
ifdef LINKS
	for p in $(PERSONALITIES); do \
	    ln -sf teeline $(DESTDIR)$(BINDIR)/$$p && \
	    ln -sf teeline-$$p.1 $(DESTDIR)$(MANDIR)/man1/$$p.1 || exit 1; \
	done
	ln -sf teeline-stethoscope.conf.5 \
	    $(DESTDIR)$(MANDIR)/man5/stethoscope.conf.5
endif

# A personality's name is removed only where it is a link to us.
uninstall:
	rm -f $(DESTDIR)$(BINDIR)/teeline $(DESTDIR)$(BASHDIR)/teeline \
	    $(DESTDIR)$(ZSHDIR)/_teeline $(DESTDIR)$(FISHDIR)/teeline.fish \
	    $(DESTDIR)$(UNITDIR)/teeline@.service \
	    $(addprefix $(DESTDIR)$(DOCDIR)/examples/,$(notdir $(EXAMPLES)))
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/,\
	    $(patsubst man/%.1,man1/%.1,$(wildcard man/teeline*.1)) \
	    $(patsubst man/%.5,man5/%.5,$(wildcard man/teeline*.5)) \
	    $(patsubst man/%.7,man7/%.7,$(wildcard man/teeline*.7)) \
	    $(PERSONALITIES:%=man1/teeline-%.1) man5/teeline-stethoscope.conf.5)
	rmdir $(DESTDIR)$(DOCDIR)/examples $(DESTDIR)$(DOCDIR) 2>/dev/null || :
	for l in $(addprefix $(DESTDIR),$(PERSONALITIES:%=$(BINDIR)/%) \
	    $(PERSONALITIES:%=$(MANDIR)/man1/%.1) \
	    $(MANDIR)/man5/stethoscope.conf.5); do \
	    case $$(readlink $$l) in teeline*) rm -f $$l;; esac; \
	done

clean:
	rm -rf build

-include $(OBJ:.o=.d) $(EXTRA_OBJ:.o=.d)
.DELETE_ON_ERROR:
.PHONY: FORCE all objects unit check demo lint bench bench-curves fuzz \
    fuzz-coverage fuzzers month replayers soak range package-check install \
    uninstall clean
.SECONDARY:
