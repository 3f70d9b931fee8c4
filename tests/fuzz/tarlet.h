/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tarlet.h - a tar archive that the input describes.  Headers carry a sum
 * that no mutation gets right, so it is made here; what it covers is the
 * input's.
 */
#ifndef TESTS_FUZZ_TARLET_H
#define TESTS_FUZZ_TARLET_H

#include "tests/fuzz/input.h"
#include "tests/harness/imagebuild.h"

/*
 * An archive: entries until the input ends or one begins with TARLET_END.
 *
 *   kind     '0' file, '1' link, '2' symlink, '5' folder, 'x' 'g' 'L' 'K' ...
 *   how      1 byte: TARLET_*
 *   name     up to a NUL; TARLET_LINK: and what it points to
 *   length   2 bytes, and so many bytes of data
 *
 * The caller ends it with blob_done().
 */
struct blob tarlet(struct input *in);

#define TARLET_END  0xffU
#define TARLET_LINK 1U /* has a target */
#define TARLET_LIE  2U /* the header's size field is the input's */
#define TARLET_RAW  4U /* instead of an entry: bytes as they are */
#define TARLET_ODD  8U /* mode and owner are the input's */
#define TARLET_LONG 16U /* the name 20 times over, by a GNU header */

#endif
