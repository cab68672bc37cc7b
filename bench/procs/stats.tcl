# SPDX-License-Identifier: MPL-2.0
# /stats: what the server counts of its WebSockets and its workers, for bench/run.

ns_register_proc GET /stats { ns_return 200 text/plain [list websocket [ns_websocket stats] channels [ns_connchan stats]] }
