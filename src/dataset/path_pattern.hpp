// Patterns of paths as shells know them: *, ?, [...] within a name, ** for any number of folders.
//
// As in shells, a name that begins with a dot is met only by a pattern that says so.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace asterism {

// True when `path` holds one of * ? [ .
bool is_path_pattern(std::string_view path);

class PathPattern {
 public:
  // Which components of the pattern may come next: the state of a walk.
  using State = std::vector<std::size_t>;

  explicit PathPattern(std::string_view pattern);

  // The folder above the first component with a wildcard, "" for the working directory.
  const std::string& root() const noexcept { return root_; }
  // True when the last component names an extension ("*.dat"): then every match is meant, whatever its extension.
  bool names_extension() const noexcept { return names_extension_; }

  State start() const;
  // After entering the folder `name`; empty when nothing below it can match.
  State enter(const State& state, const std::string& name) const;
  bool matches_file(const State& state, const std::string& name) const;

 private:
  void add(State& state, std::size_t component) const;

  std::string root_;
  std::vector<std::string> components_;  // below the root
  bool names_extension_ = false;
};

}  // namespace asterism
