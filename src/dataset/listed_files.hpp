// Files that the rows of a text name: a list with a path a line, or the column of a jsonl or csv file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "dataset/file_source.hpp"
#include "dataset/record_reader.hpp"

namespace asterism {

// Longest path in bytes that the system takes, and so the longest line of a list.
inline constexpr std::size_t kListedPathSizeBytesMax = 4095;

struct ListedFilesOptions {
  std::string source = {};  // name of the text, for messages
  std::string folder = {};  // what relative paths begin at; "" is the working directory
  double size_bytes = 0.0;  // of the text, for progress; 0 when unknown
};

// `records` are texts, each a path; empty ones are passed over.
std::unique_ptr<FileSource> make_listed_files(std::unique_ptr<RecordReader> records, ListedFilesOptions options);

}  // namespace asterism
