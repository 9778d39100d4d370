// A folder with tables and recipes over them, for tests.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "scratch_folder.hpp"
#include "train/recipe.hpp"

namespace asterism {

class TableFiles {
 public:
  const std::filesystem::path& root() const { return root_; }
  void write(const std::string& name, std::string_view text) const {
    EXPECT_TRUE(write_file_atomic(root_ / name, text));
  }
  // Over table.csv; `data` is the rest of [data], `more` other sections.
  Recipe recipe(const std::string& data, const std::string& more = {}) const {
    const std::string text = "[data]\ninputs = [\"table.csv\"]\n" + data +
                             "\n[model]\narchitecture = \"tabular\"\nhidden_sizes = [8]\ncode_size = 2\n"
                             "[objective]\nkind = \"tabular_autoencoder\"\n" +
                             more;
    auto recipe = parse_recipe(text, root_ / "recipe.toml", {});
    EXPECT_TRUE(recipe) << recipe.error().to_string();
    return recipe.value_or(Recipe{});
  }

 private:
  ScratchFolder scratch_{"tables"};
  std::filesystem::path root_ = scratch_.path();
};

}  // namespace asterism
