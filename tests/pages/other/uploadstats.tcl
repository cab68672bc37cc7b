# SPDX-License-Identifier: MPL-2.0
ns_return 200 text/plain [ns_upload_stats [ns_queryget key]]
