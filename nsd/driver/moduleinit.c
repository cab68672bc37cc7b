/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Ns_DriverInit: a driver of a module, by callbacks.
 */
#include <ctype.h>
#include "driver/int.h"
#include "driver/module.h"

#define MAX_METHOD 32                          /* bytes of the protocol's name that requests show */

/* What a module sets depends on how old it is: the members behind those of its version may be anything. */
static Ns_DriverInitData
TakeInit(const Ns_DriverInitData *init)
{
    Ns_DriverInitData own = *init;

    if (own.version < NS_DRIVER_VERSION_3) {
        own.clientInitProc = NULL;
    }
    if (own.version < NS_DRIVER_VERSION_4) {
        own.protocol = NULL;
        own.defaultPort = 0;
    }
    if (own.version < NS_DRIVER_VERSION_5) {
        own.libraryVersion = NULL;
        own.connInfoProc = NULL;
    }
    if (own.protocol == NULL) {
        own.protocol = (own.opts & NS_DRIVER_SSL) != 0u ? "https" : "http";
    }
    own.name = ns_strdup(own.name);
    own.protocol = ns_strdup(own.protocol);
    own.path = ns_strdup(own.path);
    own.libraryVersion = ns_strdup(own.libraryVersion);
    return own;
}

static bool
IsPlausible(const char *module, const Ns_DriverInitData *init)
{
    const char *fault = NULL;

    if (init->version < NS_DRIVER_VERSION_1 || init->version > NS_DRIVER_VERSION_6) {
        Ns_Log(Error, "%s: made for version %d of the driver interface, this server has %d to %d", module, init->version,
               NS_DRIVER_VERSION_1, NS_DRIVER_VERSION_6);
        return false;
    }
    if (init->name == NULL) {
        fault = "it has no name";
    } else if ((init->opts & NS_DRIVER_NOPARSE) != 0u && init->requestProc == NULL) {
        fault = "NS_DRIVER_NOPARSE without requestProc: nobody would take what comes";
    } else if ((init->opts & NS_DRIVER_UDP) != 0u && (init->recvProc == NULL || init->sendProc == NULL)) {
        fault = "NS_DRIVER_UDP without recvProc and sendProc: nobody would know the peer";
    } else if ((init->opts & NS_DRIVER_SSL) != 0u && (init->recvProc == NULL || init->sendProc == NULL)) {
        fault = "NS_DRIVER_SSL without recvProc and sendProc: nobody would encrypt";
    }
    if (fault != NULL) {
        Ns_Log(Error, "%s: not a driver: %s", module, fault);
    }
    return fault == NULL;
}

static const char *
Method(const char *protocol)
{
    char   name[MAX_METHOD];
    size_t n = 0;

    for (; n + 1 < sizeof(name) && isalnum((unsigned char)protocol[n]); n++) {
        name[n] = (char)toupper((unsigned char)protocol[n]);
    }
    name[n] = '\0';
    return ns_strdup(n > 0 && protocol[n] == '\0' ? name : "RAW");
}

Ns_ReturnCode
Ns_DriverInit(const char *server, const char *module, const Ns_DriverInitData *init)
{
    struct NsModuleDriver *own;
    Ns_TransportDriver     driver = {0};

    if (!IsPlausible(module, init)) {
        return NS_ERROR;
    }
    own = ns_calloc(1u, sizeof(*own));
    own->init = TakeInit(init);
    own->method = Method(own->init.protocol);
    NsModuleMakeTransport(own);
    if (own->init.clientInitProc != NULL) {
        Ns_Log(Notice, "%s: its clientInitProc is not called: the server has TLS of its own for connections to others", module);
    }
    driver.name = own->init.name;
    driver.protocol = own->init.protocol;
    driver.defaultPort = own->init.defaultPort;
    driver.secure = (own->init.opts & NS_DRIVER_SSL) != 0u;
    driver.transport = &own->transport;
    return NsDriverAdd(server, module, &driver, own);
}
