/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_LIB_ERR_H
#define VMM_LIB_ERR_H

/*
 * A failure with its sentence.  It lives on the caller's stack: nothing to
 * free, nothing to allocate when memory has run out.
 */
struct err {
	int code; /* positive errno, 0 while nothing has failed */
	char msg[512];
};

/*
 * Fill @err with the formatted text followed by ": " and the meaning of
 * @errnum.  Returns -@errnum, so that a function can end with
 * `return err_set(err, errno, "open '%s'", path);`.  @err may be NULL.
 */
int err_set(struct err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The same without the errno's text: for sentences that already say the
 * reason and the remedy.
 */
int err_say(struct err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Put the formatted text and ": " in front of @err's message: what the caller
 * was doing.  Returns -err->code.
 */
int err_wrap(struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
