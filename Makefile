# teeline - listen in on TCP streams, write down what was said, pass it on.
#
#	make		build build/teeline
#	make demo	install what is missing, build, show a recorded conversation
#	make check	install what is missing, build, run every test
#	make lint	the analysers
#	make bench	timings beside other programs
#	make install	DESTDIR= PREFIX= LINKS=1
#
# Variants, each with a build folder of its own:
#	SAN=address,undefined	sanitizers
#	PORTABLE=1		without what only Linux has
#	VALGRIND=1		(check) run the program under valgrind

PREFIX	?= /usr/local
CC	?= gcc
PYTHON	?= /usr/bin/python3
VERSION	:= 0.1.0

BUILD	:= build$(if $(SAN),/san-$(SAN))$(if $(PORTABLE),/portable)
WARN	:= -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
	   -Wmissing-prototypes -Wwrite-strings -Wundef -Wvla -Wswitch-enum
OPT	?= -O2 -g
HARDEN	:= -fstack-protector-strong -fPIE \
	   $(if $(SAN),,-D_FORTIFY_SOURCE=2)
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer \
	   -fno-sanitize-recover=all)
PKGS	:= libuv jansson
CPPFLAGS += -D_GNU_SOURCE -DTEELINE_VERSION='"$(VERSION)"' \
	   $(if $(PORTABLE),-DTEELINE_PORTABLE) -Isrc
CFLAGS	= -std=c11 $(OPT) $(WARN) $(WERROR) $(HARDEN) $(SANFLAGS) \
	   $(shell pkg-config --cflags $(PKGS))
LDFLAGS	+= -pie -Wl,-z,relro,-z,now $(SANFLAGS)
LDLIBS	= $(shell pkg-config --libs $(PKGS)) -lpthread

# x_linux.c and x_portable.c are two bodies of x.h; one of them is built.
ALL_SRC	:= $(sort $(wildcard src/*/*.c))
SRC	:= $(filter-out $(if $(PORTABLE),%_linux.c,%_portable.c),$(ALL_SRC))
OBJ	:= $(SRC:%.c=$(BUILD)/%.o)
LIB_OBJ	:= $(filter-out $(BUILD)/src/app/main.o,$(OBJ))

all: $(BUILD)/teeline

$(BUILD)/teeline: $(BUILD)/src/app/main.o $(BUILD)/libteeline.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libteeline.a: $(LIB_OBJ)
	rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# A unit test is a program of its own: tests/unit/LAYER/test_MODULE.c.
UNIT_SRC := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT	:= $(UNIT_SRC:%.c=$(BUILD)/%)

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libteeline.a
	$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

unit: $(UNIT)
	@for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done

clean:
	rm -rf build

-include $(OBJ:.o=.d) $(UNIT:=.d)
.PHONY: all unit clean
.SECONDARY:
