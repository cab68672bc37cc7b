# SPDX-License-Identifier: MPL-2.0
# Where ours answers otherwise than NaviServer did when the vectors were recorded, each with its reason:
#
#   differs {FAMILY/NAME ...} REASON ?CODE RESULT?
