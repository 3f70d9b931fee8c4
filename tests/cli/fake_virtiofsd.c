/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_virtiofsd.c - a program that is called as virtiofsd and is none: to its
 * one connection it speaks something else, and stays.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OPTION "--fd="

int main(int argc, char **argv)
{
	static const char words[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
	char byte;

	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], OPTION, strlen(OPTION)) != 0)
			continue;
		int fd = accept(atoi(argv[i] + strlen(OPTION)), NULL, NULL);
		if (write(fd, words, strlen(words)) < 0)
			return 1;
		while (read(fd, &byte, 1) > 0)
			;
	}
	return 0;
}
