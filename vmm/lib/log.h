/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VMM_LIB_LOG_H
#define VMM_LIB_LOG_H

/*
 * Four levels, one line each on stderr, the VM's id first.
 *   error  needs a person
 *   warn   degraded: "..., ignoring"
 *   info   life-cycle
 *   debug  for us
 */
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Process-wide; call before the first thread.  @id is copied; NULL for none. */
void log_init(const char *id, enum log_level level);

/* Bytes below 0x20, 0x7f and above are escaped: @fmt may carry guest text. */
void log_line(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)

#endif
