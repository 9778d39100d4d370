// Rows as the readers give them, to an encoder.
#pragma once

#include <span>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/row.hpp"

namespace asterism {

// kUnsupported unless the encoder takes rows of this kind.
Result<void> expect_kind(const Encoder& encoder, PayloadKind kind);

// One vector a payload. All of them are of one kind.
Result<Embeddings> encode_rows(const Encoder& encoder, std::span<const Payload> rows);

}  // namespace asterism
