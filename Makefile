# SPDX-License-Identifier: MPL-2.0
# The one Makefile: objects and programs go to $(BUILD); `make help` lists the targets.

-include config.mk
BUILD ?= build

ifeq ($(CC),)
CC = gcc
endif
WARN      = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wno-unused-parameter $(WERROR)
CPPFLAGS += -D_GNU_SOURCE -Iinclude -Insd $(TCL_CFLAGS) $(SSL_CFLAGS) -DNSD_PREFIX='"$(prefix)"'
CFLAGS_   = -std=gnu11 $(CFLAGS) $(SANITIZER) -fPIC -fvisibility=hidden -pthread $(WARN)
LIBS      = $(TCL_LIBS) $(SSL_LIBS) -lz -lm -ldl -lpthread

# The layers are archives of their own: each can be linked and tested without what is above it.
BASE = $(wildcard nsd/base/*.c)
NET  = $(wildcard nsd/net/*.c)
HTTP = $(wildcard nsd/http/*.c)
WS   = $(wildcard nsd/ws/*.c)
CORE = $(wildcard nsd/*.c) $(wildcard nsd/cmd/*.c)
MODULES = nssock nsssl

obj = $(patsubst %.c,$(BUILD)/%.o,$(1))
LAYERS = $(BUILD)/libws.a $(BUILD)/libhttp.a $(BUILD)/libnet.a $(BUILD)/libbase.a

all: $(BUILD)/nsd $(MODULES:%=$(BUILD)/%.so)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS_) -MMD -MP -c -o $@ $<

$(BUILD)/libbase.a: $(call obj,$(BASE))
$(BUILD)/libnet.a:  $(call obj,$(NET))
$(BUILD)/libhttp.a: $(call obj,$(HTTP))
$(BUILD)/libws.a:   $(call obj,$(WS))
$(LAYERS):
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/nsd: $(call obj,$(CORE)) $(LAYERS) nsd/export.sym
	$(CC) $(CFLAGS_) $(LDFLAGS) -Wl,--dynamic-list=nsd/export.sym $(DEVLINK) -o $@ $(call obj,$(CORE)) \
	    -Wl,--whole-archive $(LAYERS) -Wl,--no-whole-archive $(LIBS)

.SECONDEXPANSION:
$(MODULES:%=$(BUILD)/%.so): $(BUILD)/%.so: $$(call obj,$$(wildcard modules/$$*/*.c))
	$(CC) $(CFLAGS_) $(LDFLAGS) -shared -o $@ $^

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.PHONY: all
