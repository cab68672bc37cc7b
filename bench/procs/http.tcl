# SPDX-License-Identifier: MPL-2.0
# /tcl/1k: as much as /static/1k, by a proc.

proc bench_1k {} { ns_return 200 text/plain [string repeat x 1024] }
ns_register_proc GET /tcl/1k bench_1k
