/* SPDX-License-Identifier: MPL-2.0 */
/*
 * All command tables: one line per family.
 */
#include "cmd/cmds.h"

#define TABLES(X)                                                                                               \
    X(nsLogCmds) X(nsAsyncLogCmds) X(nsSetCmds) X(nsNsvCmds) X(nsCacheCmds) X(nsMemoizeCmds) X(nsKeylistCmds) X(nsLimitsCmds) X(nsSyncCmds) X(nsTimeCmds)                                          \
    X(nsConfigCmds) X(nsInfoCmds) X(nsProcessCmds) X(nsSchedCmds) X(nsJobCmds) X(nsInterpCmds)                  \
    X(nsImageCmds) X(nsFileCmds) X(nsCompressCmds) X(nsDnsCmds) X(nsSlsCmds)                                                                   \
    X(nsServerCmds) X(nsDriverCmds) X(nsCertCtlCmds)                                                                             \
    X(nsConnCmds) X(nsAtCloseCmds) X(nsReturnCmds) X(nsRegisterCmds) X(nsFastpathCmds) X(nsWriterCmds)                           \
    X(nsAdpCmds)                                                                                                \
    X(nsTextCmds) X(nsUrlCmds) X(nsBase64Cmds) X(nsParseCmds) X(nsJsonCmds) X(nsCborCmds) X(nsHttpClientCmds) X(nsHostProcCmds) X(nsSmtpCmds) \
    X(nsDigestCmds) X(nsHashCmds) X(nsRandomCmds) X(nsKdfCmds) X(nsAeadCmds) X(nsKeyCmds) X(nsEckeyCmds) X(nsAgreementCmds)  \
    X(nsSignCmds) X(nsOtpCmds) X(nsJwtCmds)                                                                                  \
    X(nsConnChanCmds) X(nsWebSocketCmds) X(nsSockCmds) X(nsSockCallbackCmds) X(nsChanCmds)

#define DECLARE(table) extern const NsCmd table[];
#define ENTRY(table) table,

TABLES(DECLARE)

const NsCmd *const nsCommandTables[] = { TABLES(ENTRY) NULL };
