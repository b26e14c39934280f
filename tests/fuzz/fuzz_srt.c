/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SRT through its row, and what it carries through that of RTP: see call_pieces.h for what the first byte means. */
#include "call_pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return pieces_run("srt,rtp", data, size);
}
