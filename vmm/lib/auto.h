/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cleanup by scope.  An owning local carries AUTO_*, is initialised where it
 * is declared, and escapes only through TAKE_*.  A function uses AUTO_* or
 * goto, never both.
 */
#ifndef VMM_LIB_AUTO_H
#define VMM_LIB_AUTO_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void auto_close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void auto_free_ptr(void *ptr_to_ptr)
{
	free(*(void **)ptr_to_ptr);
}

static inline void auto_fclose(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static inline void auto_closedir(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static inline int auto_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define AUTO_CLOSE  __attribute__((cleanup(auto_close_fd)))
#define AUTO_FREE   __attribute__((cleanup(auto_free_ptr)))
#define AUTO_FCLOSE __attribute__((cleanup(auto_fclose)))
#define AUTO_DIR    __attribute__((cleanup(auto_closedir)))

#define TAKE_FD(fd) auto_take_fd(&(fd))
#define TAKE_PTR(ptr)                                                          \
	({                                                                     \
		__auto_type taken = (ptr);                                     \
		(ptr) = NULL;                                                  \
		taken;                                                         \
	})

#endif
