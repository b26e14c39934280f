/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Session descriptions: what comes out must keep its own bounds. */
#include <stdlib.h>
#include <string.h>

#include "detect/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sdp s;

	if (size == 0)
		return 0;
	if (sdp_parse(data, size, &s) != (s.n_media > 0))
		abort();
	if (s.n_media > SDP_MEDIA_MAX || s.n_candidate > SDP_CANDIDATE_MAX)
		abort();
	for (unsigned i = 0; i < s.n_media; i++)
		if (memchr(s.media[i].codec, '\0', sizeof s.media[i].codec) == NULL)
			abort();
	for (unsigned i = 0; i < s.n_candidate; i++)
		if (s.candidate[i].port == 0 || addr_is_unspecified(&s.candidate[i].ip))
			abort();
	return 0;
}
