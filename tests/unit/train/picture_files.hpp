// A folder of small pictures for tests, removed when it goes.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "image/test_pattern.hpp"
#include "scratch_folder.hpp"
#include "train/recipe.hpp"

namespace asterism {

class PictureFiles {
 public:
  const std::filesystem::path& root() const noexcept { return root_; }

  void write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories((root_ / name).parent_path());
    ASSERT_TRUE(write_file_atomic(root_ / name, bytes));
  }
  // Pictures of one size differ where their numbers do.
  void add_picture(const std::string& name, int number, ImageSize size = {12, 10}) const {
    Image image = test_pattern("ramp", size).value();
    image.pixels[0] = static_cast<std::uint8_t>(number);
    image.pixels[1] = static_cast<std::uint8_t>(number / 256);
    write(name, encode_bmp(image));
  }
  // Sections [data] and so on; what a recipe must have besides is added.
  Recipe recipe(const std::string& sections) const {
    auto read = parse_recipe("name = \"test\"\n" + sections, root_ / "test.toml", {});
    EXPECT_TRUE(read) << read.error().to_string();
    return read.value_or(Recipe{});
  }

 private:
  ScratchFolder scratch_{"pictures"};
  std::filesystem::path root_ = scratch_.path();
};

}  // namespace asterism
