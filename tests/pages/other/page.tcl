# SPDX-License-Identifier: MPL-2.0
ns_return 200 text/plain "page of [ns_conn url]"
