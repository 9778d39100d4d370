// Rows as the readers give them, to an encoder.
#pragma once

#include <span>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/row.hpp"
#include "dataset/row_source.hpp"

namespace asterism {

// Tables are read as records of these columns; inputs of another kind stay as they are.
void read_as_records(RowSourceOptions& input, const RecordColumns& columns);

// kUnsupported unless the encoder takes rows of this kind.
Result<void> expect_kind(const Encoder& encoder, PayloadKind kind);

// One vector a payload. All of them are of one kind.
Result<Embeddings> encode_rows(const Encoder& encoder, std::span<const Payload> rows);

}  // namespace asterism
