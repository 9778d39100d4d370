// Files that are rows, one after the other, as folders, patterns and lists name them; and the rows made of them.
//
// Thread-safety: one thread. Cost: one file of memory, beside what the source keeps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "asterism/error.hpp"
#include "dataset/record_reader.hpp"

namespace asterism {

// Largest image file in bytes; a larger one is that row's error.
inline constexpr std::size_t kImageRowSizeBytesMax = std::size_t{256} << 20;

struct FileEntry {
  std::string path = {};  // "-" is stdin
  std::string id = {};
  std::string metadata = "{}";      // a JSON object, of the record that named the file
  std::string place = {};           // what named the file, for messages ("list.txt:3"); empty = the path says enough
  std::optional<Error> error = {};  // this one is not to be had (an unreadable folder, a broken record)
};

class FileSource {
 public:
  virtual ~FileSource() = default;
  // Fills every field of `entry`; false at the end. An Error ends the stream.
  virtual Result<bool> next(FileEntry& entry) = 0;
  // How much of the source is behind, from 0 to 1.
  virtual double fraction() const noexcept = 0;
  virtual std::uint64_t ignored_file_count() const noexcept { return 0; }
};

struct FileRowsOptions {
  std::size_t row_size_bytes_max = kImageRowSizeBytesMax;
  std::function<bool()> interrupted = {};  // asked while files are passed without being read
};

// Each file's bytes as a row of PayloadKind::kImage. A place is the number of the next file with a digest over path,
// size and time of change of those before it: seek() looks at them again without reading them.
std::unique_ptr<RecordReader> make_file_rows(std::unique_ptr<FileSource> files, FileRowsOptions options);

// One file, or stdin ("-").
std::unique_ptr<FileSource> make_single_file(std::string path);

}  // namespace asterism
