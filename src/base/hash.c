/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/exit.h"
#include "base/log.h"

uint64_t hash_key;

void hash_init(void)
{
	/* Up to 256 bytes come whole or not at all (getrandom(2)): no loop. */
	if (getrandom(&hash_key, sizeof hash_key, 0) != (ssize_t)sizeof hash_key) {
		log_warn("hash", "no random key from the kernel");
		exit(EXIT_OTHER);
	}
}
