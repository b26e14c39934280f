/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Megaco through its rows, with facts and state: see call_pieces.h for what the first byte means. */
#include "call_pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return pieces_run("megaco", data, size);
}
