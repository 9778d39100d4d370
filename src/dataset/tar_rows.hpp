// The images of a tar archive in the layout of webdataset, as rows.
//
// The members of one sample share their key: the path up to the first dot of the file name. A member with the extension
// of an image is a row whose id is that key; others (.json, .txt, .cls) are no rows.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "asterism/error.hpp"
#include "dataset/byte_source.hpp"
#include "dataset/record_reader.hpp"

namespace asterism {

struct TarRowsOptions {
  std::size_t row_size_bytes_max = 0;
  std::function<bool()> interrupted = {};
};

// Plain or gzip, by its first bytes; kUnsupported names any other packing. An archive that turns out to be damaged is
// one failed row where the damage is, and ends there.
Result<std::unique_ptr<RecordReader>> open_tar_rows(const InputInfo& input, TarRowsOptions options);
// The same over any bytes; `size_bytes` is 0 where it is not known.
std::unique_ptr<RecordReader> make_tar_rows(std::unique_ptr<ByteSource> bytes, std::string source,
                                            std::uint64_t size_bytes, TarRowsOptions options);

}  // namespace asterism
