// A writable copy of a golden model folder, gone with the object.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "scratch_folder.hpp"

namespace asterism {

class ModelFolder {
 public:
  explicit ModelFolder(std::string_view golden) {
    namespace fs = std::filesystem;
    const fs::path source = fs::path(ASTERISM_SOURCE_DIR) / "tests/golden" / golden;
    for (const auto& entry : fs::recursive_directory_iterator(source)) {
      const fs::path target = path_ / entry.path().lexically_relative(source);
      if (fs::is_directory(entry.path())) {
        fs::create_directories(target);
      } else {
        fs::create_directories(target.parent_path());
        fs::copy_file(fs::canonical(entry.path()), target);  // the goldens share files by symbolic links
      }
    }
  }

  const std::filesystem::path& path() const { return path_; }
  std::string string() const { return path_.string(); }

  void write(const std::string& file, std::string_view text) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file, std::ios::binary | std::ios::trunc) << text;
  }
  // Sets one member of a JSON object in a file.
  void set(const std::string& file, const std::string& key, const Json& value) const {
    auto json = read_json_file(path_ / file);
    Json object = json ? *json : Json::object();
    object[key] = value;
    write(file, object.dump());
  }
  void remove(const std::string& file) const { std::filesystem::remove_all(path_ / file); }

 private:
  ScratchFolder scratch_{"model"};
  std::filesystem::path path_ = scratch_.path();
};

}  // namespace asterism
