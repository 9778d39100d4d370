// Rows of a text file that is read while it arrives: lines, jsonl, csv, tsv, as it is or in gzip or zstd.
//
// Ownership: the reader shares the stream and borrows the flag. Thread-safety: one thread, which may wait. Cost: a
// block of 1 MiB, a row of at most kRowSizeBytesMax; of bodies without ?source their digests, 12 bytes a block.
#pragma once

#include <memory>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "dataset/row_reader.hpp"
#include "server/http_message.hpp"
#include "server/upload_stream.hpp"

namespace asterism::server {

// By the head: text_format_of() knows its content type. Rows without an id are SOURCE:LINE. Where ?source names none it
// is the beginning of a SHA-256: of the body up to the end of the block in which the row begins, each block hashed
// after the digest of those before. So the same file sent again is the same rows, one that goes on where another ends
// is too as far as they are the same, and no other file's rows are taken for these.
Result<std::unique_ptr<RowReader>> open_streamed_rows(const HttpRequest& head, std::shared_ptr<UploadStream> upload,
                                                      const CancelFlag& cancel);

}  // namespace asterism::server
