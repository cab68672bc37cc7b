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
CPPFLAGS += -D_GNU_SOURCE -Iinclude -iquote nsd $(TCL_CFLAGS) $(SSL_CFLAGS) $(CBOR_CFLAGS) $(ARGON2_CFLAGS) $(BROTLI_CFLAGS) -DNSD_PREFIX='"$(prefix)"'
CFLAGS_   = -std=gnu11 $(CFLAGS) $(SANITIZER) -fPIC -fvisibility=hidden -pthread $(WARN)
LIBS      = $(TCL_LIBS) $(SSL_LIBS) $(CBOR_LIBS) $(ARGON2_LIBS) $(BROTLI_LIBS) -lz -lcrypt -lm -ldl -lpthread

# The layers are archives of their own: each can be linked and tested without what is above it.
BASE = $(wildcard nsd/base/*.c)
NET  = $(wildcard nsd/net/*.c)
HTTP = $(wildcard nsd/http/*.c)
WS   = $(wildcard nsd/ws/*.c)
JSON = $(wildcard nsd/json/*.c)
ADP  = $(wildcard nsd/adp/*.c)
IMAGE = $(wildcard nsd/image/*.c)
# The rooms of the server, each above what it uses (CONTRIBUTING); tests/layering.sh checks it.
ROOMS = crypto conf process driver interp data client request page channel websocket cmd cmd/*
CORE = $(wildcard nsd/*.c) $(foreach room,$(ROOMS),$(wildcard nsd/$(room)/*.c))
MODULES = nssock nsssl nscgi nsproxy nsdb nsperm $(DB_DRIVERS) nslog
# A program beside them: the worker of nsproxy.
PROGRAMS = nsproxy-helper
# What nsdb and drivers of databases share: -lnsdb.
LIBNSDB = $(addprefix modules/nsdb/,driver.c pool.c stop.c config.c call.c bind.c util.c interp.c)
DBLINK  = -L$(BUILD) -lnsdb -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib'

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LAYERS = $(BUILD)/libimage.a $(BUILD)/libjson.a $(BUILD)/libadp.a $(BUILD)/libws.a $(BUILD)/libhttp.a $(BUILD)/libnet.a $(BUILD)/libbase.a

all: $(BUILD)/nsd $(MODULES:%=$(BUILD)/%.so) $(PROGRAMS:%=$(BUILD)/%) $(BUILD)/libnsdb.so $(BUILD)/nsexample.so $(BUILD)/nsdbtest.so $(BUILD)/nscapi.so $(BUILD)/nslines.so $(BUILD)/nsdrvtest.so

$(BUILD)/obj/%.o: %.c Makefile config.mk
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_) -MMD -MP -c -o $@ $<

$(BUILD)/libbase.a: $(call obj,$(BASE))
$(BUILD)/libnet.a:  $(call obj,$(NET))
$(BUILD)/libhttp.a: $(call obj,$(HTTP))
$(BUILD)/libws.a:   $(call obj,$(WS))
$(BUILD)/libjson.a: $(call obj,$(JSON))
$(BUILD)/libadp.a:  $(call obj,$(ADP))
$(BUILD)/libimage.a: $(call obj,$(IMAGE))
$(LAYERS):
	@mkdir -p $(@D) && rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/nsd: $(call obj,$(CORE)) $(LAYERS) nsd/export.sym
	$(CC) $(CFLAGS_) $(LDFLAGS) -Wl,--dynamic-list=nsd/export.sym $(DEVLINK) -o $@ $(call obj,$(CORE)) \
	    -Wl,--whole-archive $(LAYERS) -Wl,--no-whole-archive $(LIBS)

.SECONDEXPANSION:
$(MODULES:%=$(BUILD)/%.so): $(BUILD)/%.so: $$(call obj,$$(filter-out %/helper.c $(LIBNSDB),$$(wildcard modules/$$*/*.c)))
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -o $@ $(filter %.o,$^) $(LINK_$*)

$(BUILD)/libnsdb.so: $(call obj,$(LIBNSDB))
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -Wl,-soname,libnsdb.so -o $@ $^
LINK_nsdb = $(DBLINK)
LINK_nsdbsqlite = $(DBLINK) $(SQLITE_LIBS)
LINK_nsdbpg = $(DBLINK) $(PQ_LIBS)
$(BUILD)/nsdb.so $(DB_DRIVERS:%=$(BUILD)/%.so): $(BUILD)/libnsdb.so
$(BUILD)/obj/modules/nsdbpg/%.o: CPPFLAGS += $(PQ_CFLAGS)

# What a worker shares with the module, and of the core only how texts are converted.
$(BUILD)/nsproxy-helper: $(call obj,$(addprefix modules/nsproxy/,helper.c frame.c wire.c)) $(BUILD)/libbase.a
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $^ $(TCL_LIBS) -lpthread

# The example is for the tests and bench/; who copies it uses its own Makefile.
$(BUILD)/nsexample.so: $(call obj,modules/example/nsexample.c)
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -o $@ $^

$(BUILD)/nslines.so: $(call obj,modules/example/nslines.c)
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -o $@ $^

# A driver without a database, for the tests.
$(BUILD)/nsdbtest.so: $(call obj,modules/nsdbtest/nsdbtest.c) $(BUILD)/libnsdb.so
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -o $@ $(filter %.o,$^) $(DBLINK)

# For tests/capi.test.
$(BUILD)/nscapi.so: $(call obj,$(wildcard tests/capi/*.c))
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -o $@ $^

# For tests/driver.test.
$(BUILD)/nsdrvtest.so: $(call obj,tests/driver/nsdrvtest.c)
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -o $@ $^ $(SSL_LIBS)

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
CORE_test_outqueue = nsd/driver/outqueue.c
CORE_test_objv     = nsd/interp/objv.c
CORE_test_value    = nsd/data/value.c
CORE_test_proxy    = $(addprefix modules/nsproxy/,frame.c wire.c process.c pool.c call.c look.c)
CORE_test_perm     = modules/nsperm/store.c modules/nsperm/record.c modules/nsperm/list.c modules/nsperm/host.c nsd/crypto/password.c

$(UNITS): $(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $$(call obj,$$(CORE_$$*)) $(LAYERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(LAYERS) -Wl,--end-group -lcmocka $(LIBS)

# A fuzz target is tests/fuzz/fuzz_NAME.c; `check` replays tests/fuzz/corpus/NAME through it, `make fuzz` builds it for
# libFuzzer (clang).
FUZZERS = $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))

CORE_fuzz_proxy    = modules/nsproxy/frame.c
CORE_fuzz_cgihead  = modules/nscgi/head.c
$(FUZZERS): $(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o $$(call obj,$$(CORE_$$*)) $(LAYERS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(LAYERS) -Wl,--end-group $(LIBS)

fuzz:
	$(MAKE) BUILD=build-fuzz CC=clang CFLAGS='-O1 -g' SANITIZE=no SANITIZER='-fsanitize=fuzzer-no-link,address,undefined' \
	    FUZZ_LINK=-fsanitize=fuzzer fuzzers
fuzzers: $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
$(BUILD)/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $$(call obj,$$(CORE_fuzz_$$*)) $(LAYERS)
	$(CC) $(CFLAGS_) $(LDFLAGS) $(FUZZ_LINK) -o $@ $(filter %.o,$^) -Wl,--start-group $(LAYERS) -Wl,--end-group $(LIBS)

# Preloaded into an nsd of tests/clock.test: its date is moved, its monotonic clock is not.
$(BUILD)/clockshim.so: tests/clockshim.c
	$(CC) -O1 -g -Wall -Wextra -fPIC -shared -o $@ $< -ldl

units: $(UNITS) $(BUILD)/clockshim.so
tests: all units $(FUZZERS)

# PARTS="unit suite" runs some of: layering patches unit fuzz suite compat clients conformance web doc install
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

# How fast JSON is parsed, beside the parsers that configure found; bench/json/instructions counts.
$(BUILD)/bench/json: bench/json/json.c $(LAYERS)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(BENCH_JSON_CFLAGS) $(CFLAGS_) $(LDFLAGS) -o $@ $< -Wl,--start-group $(LAYERS) -Wl,--end-group $(BENCH_JSON_LIBS) $(LIBS)
bench-json: $(BUILD)/bench/json
	$(BUILD)/bench/json $(BENCH_ARGS)

bench-tools: $(BENCH)
# BENCH_ARGS="--scenario echo --seconds 3" and so on: see bench/run --help
bench: all bench-tools
	@BUILD=$(BUILD) bench/run $(BENCH_ARGS)

# nsv_* and ns_cache_* beside tsv, and what a thread costs; wants Tcl's package Thread (Debian: tcl-thread).
bench-data: all
	@BUILD=$(BUILD) bench/data $(BENCH_ARGS)

# nsdb beside libpq alone; wants libpq and Debian's postgresql.
$(BUILD)/bench/pq: bench/db/pq.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) $(PQ_CFLAGS) -o $@ $< $(PQ_LIBS) -lpthread
$(BUILD)/bench/dbselect.so: bench/db/select.c $(BUILD)/libnsdb.so
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_) -shared -o $@ $< $(DBLINK):'$$ORIGIN/..'
bench-db: all bench-tools $(BUILD)/bench/pq $(BUILD)/bench/dbselect.so
	@BUILD=$(BUILD) $(BUILD)/nsd -c -d -t bench/db/bench.nscfg bench/db/bench.tcl $(BENCH_ARGS) </dev/null

# ---- documentation: doctools pages to HTML (an index, links, search) and man pages, section 3 for C functions, n for the others

DOCS  = $(wildcard doc/src/*.man)
DOCS3 = $(wildcard doc/src/Ns_*.man)
MAN   = $(DOCS3:doc/src/%.man=%.3) $(patsubst doc/src/%.man,%.n,$(filter-out $(DOCS3),$(DOCS)))
HTML  = $(DOCS:doc/src/%.man=%.html) index.html style.css search.js
doc: $(BUILD)/doc/made
$(BUILD)/doc/made: $(DOCS) doc/manual.tcl doc/README.md $(wildcard doc/html/*)
	@echo 'package require doctools' | tclsh8.6 >/dev/null 2>&1 || { echo "tcllib is missing: apt-get install tcllib"; exit 1; }
	tclsh8.6 doc/manual.tcl html $(BUILD)/doc
	tclsh8.6 doc/manual.tcl man $(BUILD)/doc/man
	@touch $@

# What of NaviServer's commands is here, in doc/compat.md.
compat-list: all
	BUILD=$(BUILD) $(BUILD)/nsd -c -d -t tests/test.nscfg tests/compat/missing.tcl update $(CURDIR)/doc/compat.md

# ---- installation under $(DESTDIR)$(prefix): bin include lib tcl conf demo modules, and doc and man where there is tcllib

TCL_FILES  = $(wildcard tcl/*.tcl)
CONF_FILES = $(wildcard conf/*.tcl)
DEMO_FILES = $(wildcard demo/*.tcl demo/pages/* demo/media/*)
ROOT = $(DESTDIR)$(prefix)
EXAMPLE = $(wildcard modules/example/*)
INSTALL_DOC = $(if $(filter install uninstall,$(MAKECMDGOALS)),$(shell echo 'puts [package require doctools]' | tclsh8.6 2>/dev/null))
INSTALLED = $(addprefix bin/,nsd $(MODULES:%=%.so) $(PROGRAMS) nsproxy init.tcl) lib/libnsdb.so lib/pkgconfig/nsd.pc $(LINKED:%=lib/%) include/Makefile.module $(wildcard include/*.h) $(TCL_FILES) $(CONF_FILES) $(DEMO_FILES) \
    $(EXAMPLE) $(addprefix man/man3/,$(filter %.3,$(MAN))) $(addprefix man/mann/,$(filter %.n,$(MAN))) $(addprefix doc/,$(HTML))

# Modules are linked with these by name; what they call is in the program that loads them.
LINKED = libnsd.so libnsthread.so
$(BUILD)/link.so:
	echo '/* GNU ld script: what a module calls is in nsd itself */' >$@

install: all $(BUILD)/link.so $(if $(INSTALL_DOC),doc)
	install -d $(addprefix $(ROOT)/,bin include tcl conf demo/pages demo/media)
	install -m 755 $(BUILD)/nsd $(PROGRAMS:%=$(BUILD)/%) $(ROOT)/bin/
	ln -sf nsproxy-helper $(ROOT)/bin/nsproxy
	install -m 644 $(MODULES:%=$(BUILD)/%.so) $(wildcard tcl/init.tcl) $(ROOT)/bin/
	install -m 644 include/*.h $(ROOT)/include/
	sed 's|@tcl@|$(TCL_CFLAGS)|' include/Makefile.module >$(ROOT)/include/Makefile.module
	install -d $(ROOT)/lib/pkgconfig
	install -m 755 $(BUILD)/libnsdb.so $(ROOT)/lib/
	for lib in $(LINKED); do install -m 644 $(BUILD)/link.so $(ROOT)/lib/$$lib; done
	sed -e 's|@prefix@|$(prefix)|' -e 's|@version@|$(VERSION)|' -e 's|@tcl@|$(TCL_CFLAGS)|' nsd.pc.in >$(ROOT)/lib/pkgconfig/nsd.pc
	$(if $(TCL_FILES),install -m 644 $(TCL_FILES) $(ROOT)/tcl/)
	install -m 644 $(CONF_FILES) $(ROOT)/conf/
	install -m 644 $(wildcard demo/*.tcl) $(ROOT)/demo/
	install -m 644 $(wildcard demo/pages/*) $(ROOT)/demo/pages/
	install -m 644 $(wildcard demo/media/*) $(ROOT)/demo/media/
	install -d $(ROOT)/modules/example
	install -m 644 $(EXAMPLE) $(ROOT)/modules/example/
	$(if $(INSTALL_DOC),install -d $(ROOT)/man/man3 $(ROOT)/man/mann $(ROOT)/doc)
	$(if $(INSTALL_DOC),install -m 644 $(addprefix $(BUILD)/doc/man/,$(filter %.3,$(MAN))) $(ROOT)/man/man3/)
	$(if $(INSTALL_DOC),install -m 644 $(addprefix $(BUILD)/doc/man/,$(filter %.n,$(MAN))) $(ROOT)/man/mann/)
	$(if $(INSTALL_DOC),install -m 644 $(addprefix $(BUILD)/doc/,$(HTML)) $(ROOT)/doc/)

# Only what was installed; folders go when nothing else is in them.
uninstall:
	rm -f $(addprefix $(ROOT)/,$(INSTALLED))
	-@for dir in demo/pages demo/media demo conf tcl include man/man3 man/mann man doc modules/example modules lib/pkgconfig lib bin .; do rmdir "$(ROOT)/$$dir" 2>/dev/null; done; true

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
	@echo 'bench-json   the JSON parser beside cJSON and jansson'
	@echo 'bench-db     nsdb beside libpq alone'
	@echo 'doc          the manual: $(BUILD)/doc/index.html, and man pages in $(BUILD)/doc/man/ (needs tcllib)'
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
.PHONY: all check tests units bench bench-tools bench-data bench-db bench-json doc fuzz fuzzers install uninstall dist clean where help compat-list
