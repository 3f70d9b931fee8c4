# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# iommufd.sh - the same with a kernel that has iommufd and character devices.

group=iommufd api=cdev
. tests/vfio/device.sh
