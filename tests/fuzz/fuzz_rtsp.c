/* SPDX-License-Identifier: GPL-3.0-or-later */
/* RTSP through its row, with facts and state: see call_pieces.h for what the first byte means. */
#include "call_pieces.h"

static bool is_row(unsigned i)
{
	return detectors[i].stream == rtsp_stream;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return pieces_run(is_row, data, size);
}
