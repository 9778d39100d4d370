// A folder of the test's own, and readers' rows as text.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "dataset/row_reader.hpp"
#include "scratch_folder.hpp"

namespace asterism {

class FolderTest : public testing::Test {
 protected:
  // Makes the folders on the way.
  std::string write(const std::string& name, std::string_view text = "") const {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << text;
    return (folder / name).string();
  }
  std::string at(const std::string& name) const { return (folder / name).string(); }

  // "SOURCE=BYTES" or "SOURCE! MESSAGE" of each row, with the folder's own path left out of the source.
  std::vector<std::string> read_all(RowReader& reader) const {
    std::vector<std::string> rows;
    for (;;) {
      auto row = reader.next();
      if (!row) {
        rows.push_back("<" + row.error().message + ">");
        return rows;
      }
      if (!*row) {
        return rows;
      }
      rows.push_back(text_of(**row));
    }
  }

  std::string text_of(const Row& row) const {
    std::string source = row.source;
    if (const std::string prefix = folder.string() + "/"; source.starts_with(prefix)) {
      source.erase(0, prefix.size());
    }
    return source + (row.error ? "! " + row.error->message : "=" + row.payload.bytes);
  }

  ScratchFolder scratch_{"dataset"};
  std::filesystem::path folder = scratch_.path();
};

}  // namespace asterism
