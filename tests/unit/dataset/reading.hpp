// Helpers of the reader tests: rows of a text in memory, read in pieces of several sizes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "dataset/record_reader.hpp"

namespace asterism {

inline Result<std::vector<Row>> read_rows(TextFormat format, std::string text, RecordOptions options,
                                          std::size_t chunk_size_bytes) {
  options.source = "in";
  auto reader = make_record_reader(format, make_memory_source(std::move(text), chunk_size_bytes), std::move(options));
  if (!reader) {
    return std::unexpected(reader.error());
  }
  std::vector<Row> rows;
  for (Row row;;) {
    auto found = (*reader)->next(row);
    if (!found) {
      return std::unexpected(found.error());
    }
    if (!*found) {
      return rows;
    }
    rows.push_back(row);
  }
}

// Reads with several cuts of the input, which must not matter.
inline Result<std::vector<Row>> read_rows(TextFormat format, const std::string& text, RecordOptions options = {}) {
  auto whole = read_rows(format, text, options, 65536);
  for (const std::size_t chunk_size_bytes : {1U, 2U, 3U, 5U}) {
    auto cut = read_rows(format, text, options, chunk_size_bytes);
    EXPECT_EQ(whole.has_value(), cut.has_value());
    if (!whole || !cut) {
      continue;
    }
    EXPECT_EQ(whole->size(), cut->size());
    for (std::size_t i = 0; i < std::min(whole->size(), cut->size()); ++i) {
      EXPECT_EQ((*whole)[i].payload.bytes, (*cut)[i].payload.bytes);
      EXPECT_EQ((*whole)[i].line, (*cut)[i].line);
      EXPECT_EQ((*whole)[i].id, (*cut)[i].id);
      EXPECT_EQ((*whole)[i].metadata, (*cut)[i].metadata);
      EXPECT_EQ((*whole)[i].error.has_value(), (*cut)[i].error.has_value());
    }
  }
  return whole;
}

inline std::vector<std::string> texts_of(const Result<std::vector<Row>>& rows) {
  std::vector<std::string> texts;
  if (!rows) {
    ADD_FAILURE() << rows.error().to_string();
    return texts;
  }
  for (const Row& row : *rows) {
    texts.push_back(row.error ? "<" + row.error->message + ">" : row.payload.bytes);
  }
  return texts;
}

}  // namespace asterism
