# SPDX-License-Identifier: MPL-2.0
# The one Makefile: objects and programs go to $(BUILD); `make help` lists the targets.
#
#   make SANITIZE=address …       the same with a sanitizer, in a folder of its own (build-address, build-thread)

-include config.mk
SANITIZE ?= no
ifeq ($(SANITIZE),no)
BUILD ?= build
else
BUILD ?= build-$(SANITIZE)
endif

ifeq ($(CC),)
CC = gcc
endif
SANITIZER_no      =
SANITIZER_address = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SANITIZER_thread  = -fsanitize=thread -fno-omit-frame-pointer
SANITIZER = $(if $(filter no address thread,$(SANITIZE)),$(SANITIZER_$(SANITIZE)),$(error SANITIZE=$(SANITIZE): must be no, address or thread))

WARN      = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wno-unused-parameter $(WERROR)
CPPFLAGS += -D_GNU_SOURCE -Iinclude -iquote nsd $(TCL_CFLAGS) $(SSL_CFLAGS) -DNSD_PREFIX='"$(prefix)"'
CFLAGS_   = -std=gnu11 $(CFLAGS) $(SANITIZER) -fPIC -fvisibility=hidden -pthread $(WARN)
LIBS      = $(TCL_LIBS) $(SSL_LIBS) -lz -lcrypt -lm -ldl -lpthread

# The layers are archives of their own: each can be linked and tested without what is above it.
BASE = $(wildcard nsd/base/*.c)
NET  = $(wildcard nsd/net/*.c)
HTTP = $(wildcard nsd/http/*.c)
WS   = $(wildcard nsd/ws/*.c)
CORE = $(wildcard nsd/*.c) $(wildcard nsd/cmd/*.c)
MODULES = nssock nsssl

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LAYERS = $(BUILD)/libws.a $(BUILD)/libhttp.a $(BUILD)/libnet.a $(BUILD)/libbase.a

all: $(BUILD)/nsd $(MODULES:%=$(BUILD)/%.so) $(BUILD)/nsexample.so

$(BUILD)/obj/%.o: %.c Makefile config.mk
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_) -MMD -MP -c -o $@ $<

$(BUILD)/libbase.a: $(call obj,$(BASE))
$(BUILD)/libnet.a:  $(call obj,$(NET))
$(BUILD)/libhttp.a: $(call obj,$(HTTP))
$(BUILD)/libws.a:   $(call obj,$(WS))
$(LAYERS):
	@mkdir -p $(@D) && rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/nsd: $(call obj,$(CORE)) $(LAYERS) nsd/export.sym
	$(CC) $(CFLAGS_) $(LDFLAGS) -Wl,--dynamic-list=nsd/export.sym $(DEVLINK) -o $@ $(call obj,$(CORE)) \
	    -Wl,--whole-archive $(LAYERS) -Wl,--no-whole-archive $(LIBS)

.SECONDEXPANSION:
$(MODULES:%=$(BUILD)/%.so): $(BUILD)/%.so: $$(call obj,$$(wildcard modules/$$*/*.c))
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -o $@ $^

# The example is for the tests and bench/; who copies it uses its own Makefile.
$(BUILD)/nsexample.so: $(call obj,modules/example/nsexample.c)
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -o $@ $^

# ---- configuration: made when missing, repeated with the same options when what it is made from changes

configure: configure.ac
	autoconf
	@touch $@
config.mk: configure config.mk.in
	@if [ -x config.status ]; then ./config.status --recheck && ./config.status; else ./configure; fi
	@touch $@

# ---- tests

# A unit is one program, tests/unit/test_NAME.c, linked with the layers alone.  One that tests a file of the core names
# what it needs of it here.
UNITS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
CORE_test_outqueue = nsd/outqueue.c
CORE_test_objv     = nsd/objv.c

$(UNITS): $(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $$(call obj,$$(CORE_$$*)) $(LAYERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(LAYERS) -Wl,--end-group -lcmocka $(LIBS)

# A fuzz target is tests/fuzz/fuzz_NAME.c; `check` replays tests/fuzz/corpus/NAME through it, `make fuzz` builds it for
# libFuzzer (clang).
FUZZERS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o $(LAYERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(LAYERS) -Wl,--end-group $(LIBS)

fuzz:
	$(MAKE) BUILD=build-fuzz CC=clang CFLAGS='-O1 -g' SANITIZE=no SANITIZER='-fsanitize=fuzzer-no-link,address,undefined' \
	    FUZZ_LINK=-fsanitize=fuzzer fuzzers
fuzzers: $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
$(BUILD)/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(LAYERS)
	$(CC) $(CFLAGS_) $(LDFLAGS) $(FUZZ_LINK) -o $@ $< -Wl,--start-group $(LAYERS) -Wl,--end-group $(LIBS)

units: $(UNITS)
tests: all units $(FUZZERS)

# PARTS="unit suite" runs some of: layering unit fuzz suite compat clients conformance web install
check: tests
	@BUILD=$(BUILD) SANITIZE=$(SANITIZE) tests/run $(PARTS)

# ---- measuring

# Each bench/NAME.c is a program; bench/lib/ is what they share.
BENCH = $(patsubst %.c,$(BUILD)/%,$(wildcard bench/*.c))
$(BUILD)/bench/lib.a: $(call obj,$(wildcard bench/lib/*.c))
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^
$(BENCH): $(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(BUILD)/bench/lib.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $^ $(SSL_LIBS) -lz -lm -lpthread

bench-tools: $(BENCH)
# BENCH_ARGS="--scenario echo --seconds 3" and so on: see bench/run --help
bench: all bench-tools
	@BUILD=$(BUILD) bench/run $(BENCH_ARGS)

# ---- documentation: doctools pages to HTML and man pages, section 3 for C functions (Ns_NAME.man), n for the others

DOCS  = $(wildcard doc/src/*.man)
DOCS3 = $(wildcard doc/src/Ns_*.man)
MAN   = $(DOCS3:doc/src/%.man=$(BUILD)/doc/man/%.3) $(patsubst doc/src/%.man,$(BUILD)/doc/man/%.n,$(filter-out $(DOCS3),$(DOCS)))
doc: $(DOCS:doc/src/%.man=$(BUILD)/doc/%.html) $(MAN)
$(BUILD)/doc/%.html: doc/src/%.man
	@mkdir -p $(@D)
	@command -v mpexpand >/dev/null || { echo "mpexpand is missing: apt-get install tcllib"; exit 1; }
	mpexpand html $< $@
$(BUILD)/doc/man/%.n: doc/src/%.man
	@mkdir -p $(@D)
	mpexpand nroff $< $@
$(BUILD)/doc/man/%.3: doc/src/%.man
	@mkdir -p $(@D)
	mpexpand nroff $< $@

# What of NaviServer's commands is here, in doc/compat.md.
compat-list: all
	BUILD=$(BUILD) $(BUILD)/nsd -c -d -t tests/test.nscfg tests/compat/missing.tcl update doc/compat.md

# ---- installation under $(DESTDIR)$(prefix): bin include tcl conf demo, and man where there is mpexpand

TCL_FILES  = $(wildcard tcl/*.tcl)
CONF_FILES = $(wildcard conf/*.tcl)
DEMO_FILES = $(wildcard demo/*.tcl demo/pages/* demo/media/*)
ROOT = $(DESTDIR)$(prefix)
INSTALL_MAN = $(if $(shell command -v mpexpand),$(MAN))
INSTALLED = $(addprefix bin/,nsd $(MODULES:%=%.so) init.tcl) lib/pkgconfig/nsd.pc $(wildcard include/*.h) $(TCL_FILES) $(CONF_FILES) $(DEMO_FILES) \
    $(addprefix man/man3/,$(notdir $(filter %.3,$(MAN)))) $(addprefix man/mann/,$(notdir $(filter %.n,$(MAN))))

install: all $(INSTALL_MAN)
	install -d $(addprefix $(ROOT)/,bin include tcl conf demo/pages demo/media)
	install -m 755 $(BUILD)/nsd $(ROOT)/bin/
	install -m 644 $(MODULES:%=$(BUILD)/%.so) $(wildcard tcl/init.tcl) $(ROOT)/bin/
	install -m 644 include/*.h $(ROOT)/include/
	install -d $(ROOT)/lib/pkgconfig
	sed -e 's|@prefix@|$(prefix)|' -e 's|@version@|$(VERSION)|' -e 's|@tcl@|$(TCL_CFLAGS)|' nsd.pc.in >$(ROOT)/lib/pkgconfig/nsd.pc
	$(if $(TCL_FILES),install -m 644 $(TCL_FILES) $(ROOT)/tcl/)
	install -m 644 $(CONF_FILES) $(ROOT)/conf/
	install -m 644 $(wildcard demo/*.tcl) $(ROOT)/demo/
	install -m 644 $(wildcard demo/pages/*) $(ROOT)/demo/pages/
	install -m 644 $(wildcard demo/media/*) $(ROOT)/demo/media/
	$(if $(INSTALL_MAN),install -d $(ROOT)/man/man3 $(ROOT)/man/mann)
	$(if $(INSTALL_MAN),install -m 644 $(filter %.3,$(MAN)) $(ROOT)/man/man3/)
	$(if $(INSTALL_MAN),install -m 644 $(filter %.n,$(MAN)) $(ROOT)/man/mann/)

# Only what was installed; folders go when nothing else is in them.
uninstall:
	rm -f $(addprefix $(ROOT)/,$(INSTALLED))
	-@for dir in demo/pages demo/media demo conf tcl include man/man3 man/mann man bin .; do rmdir "$(ROOT)/$$dir" 2>/dev/null; done; true

VERSION = $(shell sed -n 's/^\#define NS_VERSION "\(.*\)"/\1/p' include/ns.h)
dist:
	@mkdir -p $(BUILD)
	git archive --prefix=nsd-$(VERSION)/ -o $(BUILD)/nsd-$(VERSION).tar.gz HEAD
	@echo $(BUILD)/nsd-$(VERSION).tar.gz

clean:
	rm -rf build build-address build-thread build-fuzz

where:
	@echo $(BUILD)

help:
	@echo 'all          nsd and its modules, in $(BUILD)/ (the default)'
	@echo 'check        all tests; PARTS="unit suite" for some of them (tests/run --help)'
	@echo 'tests        what check needs, without running it'
	@echo 'bench        measure against the raw baseline; BENCH_ARGS (bench/run --help)'
	@echo 'doc          HTML and man pages, in $(BUILD)/doc/ (needs mpexpand of tcllib)'
	@echo 'compat-list  the list of commands in doc/compat.md, as they are now'
	@echo 'fuzz         the fuzz targets for libFuzzer, in build-fuzz/ (needs clang)'
	@echo 'install      to $$(DESTDIR)$(prefix); uninstall'
	@echo 'dist         $(BUILD)/nsd-$(VERSION).tar.gz of the last commit'
	@echo 'clean        remove the build folders'
	@echo 'where        print the name of the build folder'
	@echo 'SANITIZE=address or thread with any of them builds into build-address/ or build-thread/'

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all check tests units bench bench-tools doc fuzz fuzzers install uninstall dist clean where help compat-list
