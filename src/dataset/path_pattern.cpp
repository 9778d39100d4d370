#include "dataset/path_pattern.hpp"

#include <fnmatch.h>

#include <algorithm>

namespace asterism {
namespace {

constexpr std::string_view kWildcards = "*?[";
constexpr std::string_view kAnyFolders = "**";

bool fits(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), FNM_PERIOD) == 0;
}

bool ends_in_extension(std::string_view component) {
  const std::size_t dot = component.rfind('.');
  return dot != std::string_view::npos && dot + 1 < component.size() &&
         component.substr(dot).find_first_of("*?") == std::string_view::npos;
}

}  // namespace

bool is_path_pattern(std::string_view path) {
  return path.find_first_of(kWildcards) != std::string_view::npos;
}

PathPattern::PathPattern(std::string_view pattern) {
  const std::size_t wildcard = std::min(pattern.find_first_of(kWildcards), pattern.size());
  const std::size_t slash = pattern.substr(0, wildcard).rfind('/');
  if (slash != std::string_view::npos) {
    root_ = slash == 0 ? "/" : std::string(pattern.substr(0, slash));
    pattern.remove_prefix(slash + 1);
  }
  while (!pattern.empty()) {
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string component(pattern.substr(0, end));
    // "**" twice in a row is the same as once.
    if (!component.empty() && (component != kAnyFolders || components_.empty() || components_.back() != component)) {
      components_.push_back(component);
    }
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  names_extension_ = !components_.empty() && ends_in_extension(components_.back());
}

// "**" may also stand for no folder at all.
void PathPattern::add(State& state, std::size_t component) const {
  if (component >= components_.size() || std::ranges::find(state, component) != state.end()) {
    return;
  }
  state.push_back(component);
  if (components_[component] == kAnyFolders) {
    add(state, component + 1);
  }
}

PathPattern::State PathPattern::start() const {
  State state;
  add(state, 0);
  return state;
}

PathPattern::State PathPattern::enter(const State& state, const std::string& name) const {
  State next;
  for (const std::size_t component : state) {
    if (components_[component] == kAnyFolders) {
      if (!name.starts_with('.')) {
        add(next, component);
      }
    } else if (component + 1 < components_.size() && fits(components_[component], name)) {
      add(next, component + 1);
    }
  }
  return next;
}

bool PathPattern::matches_file(const State& state, const std::string& name) const {
  return std::ranges::any_of(state, [&](std::size_t component) {
    if (component + 1 < components_.size()) {
      return false;
    }
    return components_[component] == kAnyFolders ? !name.starts_with('.') : fits(components_[component], name);
  });
}

}  // namespace asterism
