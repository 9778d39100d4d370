// Rows of a file that is read while it arrives, as it is or in gzip or zstd: texts (lines, jsonl, csv, tsv), pictures
// of a form or of an archive.
//
// Ownership: the reader shares the stream and borrows the flag. Thread-safety: one thread, which may wait. Cost: a
// block of 1 MiB, a row: a text of at most kRowSizeBytesMax, a picture of kUploadPictureSizeBytesMax; of texts without
// ?source their digests, 12 bytes a block.
#pragma once

#include <cstddef>
#include <memory>

#include "asterism/cancel.hpp"
#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"
#include "dataset/row_reader.hpp"
#include "server/http_message.hpp"
#include "server/upload_format.hpp"
#include "server/upload_stream.hpp"

namespace asterism::server {

// Of a form or an archive; a larger one is a failed row.
inline constexpr std::size_t kUploadPictureSizeBytesMax = std::size_t{64} << 20;

// The decoded bytes of the body.
Result<std::unique_ptr<ByteSource>> open_upload(const HttpRequest& head, std::shared_ptr<UploadStream> upload,
                                                const CancelFlag& cancel);

// By the head. Texts without an id are SOURCE:LINE. Where ?source names none it is the beginning of a SHA-256: of the
// body up to the end of the block in which the row begins, each block hashed after the digest of those before. So the
// same file sent again is the same rows, one that goes on where another ends is too as far as they are the same, and no
// other file's rows are taken for these. Pictures have names of their own. A body that breaks off ends the rows with
// its error, in the middle of an archive too; at the end of pictures the rest of the body is read away.
Result<std::unique_ptr<RowReader>> open_streamed_rows(const HttpRequest& head, std::shared_ptr<UploadStream> upload,
                                                      const CancelFlag& cancel);

// The one picture that the body is, whose id is ?id.
Result<std::unique_ptr<RowReader>> open_picture_row(HttpRequest& request);

}  // namespace asterism::server
