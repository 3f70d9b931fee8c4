/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - sha256 by libcrypto. */
#include "vmm/manager/digest.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "vmm/lib/auto.h"

struct digest {
	EVP_MD_CTX *md;
};

struct digest *digest_new(void)
{
	AUTO_FREE struct digest *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->md = EVP_MD_CTX_new();
	if (!d->md || EVP_DigestInit_ex(d->md, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(d->md);
		return NULL;
	}
	return TAKE_PTR(d);
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->md);
	free(d);
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	/* sha256 over memory has no way to fail once it has begun. */
	int ok = EVP_DigestUpdate(d->md, data, len);

	assert(ok == 1);
}

void digest_finish(struct digest *d, char hex[DIGEST_HEX + 1])
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	int ok = EVP_DigestFinal_ex(d->md, sum, &len);

	assert(ok == 1 && len * 2 == DIGEST_HEX);
	for (unsigned int i = 0; i < len; i++)
		(void)snprintf(hex + (size_t)i * 2, 3, "%02x", sum[i]);
}

bool digest_is_hex(const char *text, size_t min)
{
	size_t len = strlen(text);

	return len >= min && len <= DIGEST_HEX &&
	       strspn(text, "0123456789abcdef") == len;
}

int digest_parse(const char *text, const char *what, char hex[DIGEST_HEX + 1],
		 struct err *err)
{
	if (strncmp(text, "sha256:", 7) != 0)
		return err_say(err, EINVAL,
			       "%s '%.80s' is not a sha256 digest, the only "
			       "kind that belljar checks",
			       what, text);
	if (!digest_is_hex(text + 7, DIGEST_HEX))
		return err_say(err, EINVAL,
			       "%s '%.80s' is not 64 lower-case hex digits",
			       what, text);
	memcpy(hex, text + 7, DIGEST_HEX + 1);
	return 0;
}
