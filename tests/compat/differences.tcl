# SPDX-License-Identifier: MPL-2.0
# Where ours answers otherwise than NaviServer did when the vectors were recorded, each with its reason:
#
#   differs {FAMILY/NAME ...} REASON ?CODE RESULT?
#
# With CODE and RESULT ours must be just that; without, anything but NaviServer's.

# ---- not here yet: commands that later work brings (doc/compat.md)

differs {
    sync/job-usage sync/job-bad sync/usage-job-cancel sync/usage-job-configure sync/usage-job-create
    sync/usage-job-delete sync/usage-job-exists sync/usage-job-joblist sync/usage-job-jobs sync/usage-job-queue
    sync/usage-job-wait sync/usage-job-waitany sync/job-create sync/job-create-desc sync/job-create-badmax
    sync/job-queue-wait sync/job-error sync/job-id sync/job-id-dup sync/job-id-shape sync/job-timeout sync/job-exists
    sync/job-waitany sync/job-waitany-empty sync/job-detached sync/job-wait-detached sync/job-wait-unknown
    sync/job-cancel-queued sync/job-order-serial sync/job-head sync/job-unknown-queue sync/job-delete-unknown
    sync/job-joblist-keys sync/job-queuelist-keys sync/job-threadlist-keys sync/job-genid sync/job-configure
    sync/job-thread-server
} "ns_job is not here yet"
differs {text/mkdtemp} "ns_mkdtemp is not here yet"
differs {text/mktemp text/mktemp-template text/mktemp-bad-template} "ns_mktemp is not here yet"
differs {register/usage-ns_register_adp register/register-adp register/register-adp-missing} "ns_register_adp is not here yet"
differs {register/usage-ns_register_proxy} "ns_register_proxy is not here yet"
differs {set/sls-usage} "ns_sls is not here yet"
differs {
    config/usage-ns_writer config/bad-ns_writer config/writer-usage-list config/writer-usage-size
    config/writer-usage-streaming config/writer-usage-submit config/writer-usage-submitfile
    config/writer-usage-submitfiles config/writer-list config/writer-size config/writer-streaming
    config/writer-baddriver config/writer-submitfile-missing config/writer-noconn config/writer-submit
    config/writer-submit-result config/writer-submitfile config/writer-submitfile-range
} "ns_writer is not here yet"
differs {
    client/bad client/usage-cancel client/usage-cleanup client/usage-keepalives client/usage-list client/usage-queue
    client/usage-stats client/usage-taskthreads client/usage-wait client/queue-wait client/queue-list client/queue-two
    client/queue-wait-timeout client/queue-cancel client/queue-cleanup client/wait-unknown client/queue-done-callback
    client/queue-done-callback-error client/stats-shape client/taskthreads-shape client/usage
} "of ns_http there is only run"
differs fastpath/adp "there is no ADP yet; it is said so with a status of its own"

# ---- stricter against the network

differs connchan/wsread-len16-noncanonical "RFC 6455 5.2: the shortest form of a length must be used"
differs connchan/wsread-len64-noncanonical "RFC 6455 5.2: the shortest form of a length must be used"
differs http/header-folding "RFC 9112 5.2: folded headers are refused" ok "HTTP/1.0 400 Invalid Request Header\n\n"
differs http/te-unknown "RFC 9112 6.1: a transfer coding that is not known is 501" ok {HTTP/1.0 501 Not Implemented}
differs http/expect-other "RFC 9110 10.1.1: an expectation that cannot be met is 417" ok "HTTP/1.0 417 Expectation Failed\n\n"

# ---- several callback workers, and how they read

differs connchan/callback-thread-name "workers have numbers"
differs {sockets/callback-args sockets/listencallback-thread} "workers have numbers"
differs connchan/wsread-len-70000 "how many bytes the last read brings depends on the size of the read buffer"

# ---- names and words

differs client/run-useragent "the product's name is nsd" ok nsd/V
differs connchan/open-bad-url "an error says what is wrong" ok {{error {invalid URL 'notaurl'}} {error {no driver for protocol 'ftp' found.}} {error {invalid URL '/only/path'}}}
differs {config/log-badlevel config/logctl-severity-names config/logctl-new-severity} "the severities of features that are not here are not listed"
differs fastpath/head-dir "the length of the server's own notice page"
