#include "train/recipe_section.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/edit_distance.hpp"

namespace asterism {
namespace {

// Longest part of a stranger's key or value that is repeated or compared.
constexpr std::size_t kShownSizeBytesMax = 80;

std::string shown(const toml::node& node) {
  std::ostringstream out;
  node.visit([&](const auto& value) {
    using Node = std::decay_t<decltype(value)>;
    if constexpr (toml::is_string<Node>) {
      out << '\'' << value.get() << '\'';
    } else if constexpr (toml::is_boolean<Node>) {
      out << (value.get() ? "true" : "false");
    } else if constexpr (toml::is_table<Node>) {
      out << "a table";
    } else {
      out << value;
    }
  });
  std::string text = out.str();
  if (text.size() > kShownSizeBytesMax) {
    text.resize(kShownSizeBytesMax);
    text += "...";
  }
  return text;
}

std::string range_text(double low, double high, std::string_view kind) {
  if (std::isinf(high) || high >= 9.2e18) {
    return fmt::format("{} of at least {}", kind, low);
  }
  return fmt::format("{} from {} to {}", kind, low, high);
}

}  // namespace

std::string recipe_place(const toml::node& node, std::string_view file) {
  const auto& source = node.source();
  if (source.path && !source.path->empty()) {
    return fmt::format("override '{}'", *source.path);
  }
  return fmt::format("{}:{}", file, source.begin.line);
}

std::string nearest_key(std::string_view word, std::span<const std::string> known) {
  const std::string_view cut = word.substr(0, kShownSizeBytesMax);
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, cut.size() / 2) + 1;
  for (const std::string& key : known) {
    const std::size_t distance = edit_distance(cut, key);
    if (distance < best_distance) {
      best = key;
      best_distance = distance;
    }
  }
  return best;
}

std::optional<Json> toml_to_json(const toml::node& node) {
  if (const auto* table = node.as_table()) {
    Json out = Json::object();
    for (const auto& [key, value] : *table) {
      auto made = toml_to_json(value);
      if (!made) {
        return std::nullopt;
      }
      out[std::string(key.str())] = std::move(*made);
    }
    return out;
  }
  if (const auto* array = node.as_array()) {
    Json out = Json::array();
    for (const toml::node& value : *array) {
      auto made = toml_to_json(value);
      if (!made) {
        return std::nullopt;
      }
      out.push_back(std::move(*made));
    }
    return out;
  }
  if (const auto* text = node.as_string()) {
    return Json(text->get());
  }
  if (const auto* integer = node.as_integer()) {
    return Json(integer->get());
  }
  if (const auto* real = node.as_floating_point()) {
    return Json(real->get());
  }
  if (const auto* flag = node.as_boolean()) {
    return Json(flag->get());
  }
  return std::nullopt;
}

RecipeSection::RecipeSection(const toml::table& root, std::string_view name, std::string_view file)
    : name_(name), file_(file) {
  if (name.empty()) {
    table_ = &root;
    return;
  }
  const toml::node* node = root.get(name);
  if (node == nullptr) {
    return;
  }
  table_ = node->as_table();
}

std::string RecipeSection::full_key(std::string_view key) const {
  return name_.empty() ? std::string(key) : fmt::format("{}.{}", name_, key);
}

const toml::node* RecipeSection::find(std::string_view key) {
  known_.emplace_back(key);
  return table_ == nullptr ? nullptr : table_->get(key);
}

void RecipeSection::expected(std::string_view key, std::string_view what) {
  if (const toml::node* node = table_ == nullptr ? nullptr : table_->get(key); node != nullptr && !error_) {
    error_ = Error{
        ErrorCode::kInvalidArgument,
        fmt::format("{}: {}: expected {}, found {}", recipe_place(*node, file_), full_key(key), what, shown(*node)),
        {}};
  }
}

void RecipeSection::refuse(std::string_view key, std::string_view what, std::string_view hint) {
  if (error_) {
    return;
  }
  const toml::node* node = table_;
  if (table_ != nullptr && table_->contains(key)) {
    node = table_->get(key);
  }
  const std::string place = node == nullptr ? file_ : recipe_place(*node, file_);
  error_ = Error{ErrorCode::kInvalidArgument,
                 key.empty() ? fmt::format("{}: [{}]: {}", place, name_, what)
                             : fmt::format("{}: {}: {}", place, full_key(key), what),
                 std::string(hint)};
}

void RecipeSection::require(std::string_view key, std::string_view what) {
  if (has(key) || error_) {
    return;
  }
  error_ = Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}: {} is missing, expected {}", table_ == nullptr ? file_ : recipe_place(*table_, file_),
                             full_key(key), what),
                 {}};
}

void RecipeSection::integer64(std::string_view key, std::int64_t& value, const RecipeRange<std::int64_t>& range) {
  if (const toml::node* node = find(key)) {
    const auto* found = node->as_integer();
    if (found == nullptr || found->get() < range.low || found->get() > range.high) {
      expected(key, range_text(static_cast<double>(range.low), static_cast<double>(range.high), "a whole number"));
    } else {
      value = found->get();
    }
  }
  note(key, value);
}

bool RecipeSection::real_of(const toml::node& node, double& value) const {
  if (const auto* real = node.as_floating_point()) {
    value = real->get();
  } else if (const auto* whole = node.as_integer()) {
    value = static_cast<double>(whole->get());
  } else {
    return false;
  }
  return std::isfinite(value);
}

void RecipeSection::real(std::string_view key, double& value, const RecipeRange<double>& range) {
  if (const toml::node* node = find(key)) {
    double found = 0.0;
    if (!real_of(*node, found) || found < range.low || found > range.high) {
      expected(key, range_text(range.low, range.high, "a number"));
    } else {
      value = found;
    }
  }
  note(key, value);
}

void RecipeSection::flag(std::string_view key, bool& value) {
  if (const toml::node* node = find(key)) {
    if (const auto* found = node->as_boolean()) {
      value = found->get();
    } else {
      expected(key, "true or false");
    }
  }
  note(key, value);
}

void RecipeSection::text(std::string_view key, std::string& value) {
  if (const toml::node* node = find(key)) {
    if (const auto* found = node->as_string()) {
      value = found->get();
    } else {
      expected(key, "a text");
    }
  }
  note(key, value);
}

void RecipeSection::texts(std::string_view key, std::vector<std::string>& value) {
  if (const toml::node* node = find(key)) {
    std::vector<std::string> found;
    if (const auto* one = node->as_string()) {
      found.push_back(one->get());
    } else if (const auto* array = node->as_array()) {
      for (const toml::node& element : *array) {
        if (const auto* one_of_them = element.as_string()) {
          found.push_back(one_of_them->get());
        }
      }
      if (found.size() != array->size()) {
        expected(key, "a list of texts");
      }
    } else {
      expected(key, "a list of texts");
    }
    value = std::move(found);
  }
  note(key, value);
}

void RecipeSection::reals(std::string_view key, std::vector<double>& value, const RecipeRange<double>& range) {
  if (const toml::node* node = find(key)) {
    std::vector<double> found;
    const auto* array = node->as_array();
    const std::string what = range_text(range.low, range.high, "a list of numbers, each");
    if (array == nullptr) {
      expected(key, what);
    } else {
      for (const toml::node& element : *array) {
        double number = 0.0;
        if (!real_of(element, number) || number < range.low || number > range.high) {
          expected(key, what);
        }
        found.push_back(number);
      }
    }
    value = std::move(found);
  }
  note(key, value);
}

void RecipeSection::one_of(std::string_view key, std::string& value, const std::vector<std::string>& known) {
  if (const toml::node* node = find(key)) {
    const auto* found = node->as_string();
    if (found == nullptr || std::ranges::find(known, found->get()) == known.end()) {
      expected(key, fmt::format("one of \"{}\"", fmt::join(known, "\", \"")));
      const std::string near = found == nullptr ? "" : nearest_key(found->get(), known);
      if (error_ && error_->hint.empty() && !near.empty()) {
        error_->hint = fmt::format("did you mean \"{}\"?", near);
      }
    } else {
      value = found->get();
    }
  }
  note(key, value);
}

void RecipeSection::expect_sections(std::span<const std::string_view> names) {
  for (const std::string_view name : names) {
    if (const toml::node* node = find(name); node != nullptr && !node->is_table()) {
      expected(name, fmt::format("a section, [{}]", name));
    }
  }
}

Json RecipeSection::rest() {
  Json out = Json::object();
  if (table_ == nullptr) {
    return out;
  }
  const std::vector<std::string> asked = known_;
  for (const auto& [name, value] : *table_) {
    const std::string key(name.str());
    if (std::ranges::find(asked, key) != asked.end()) {
      continue;
    }
    known_.push_back(key);
    auto made = toml_to_json(value);
    if (!made) {
      expected(key, "a text, number, boolean, list or table");
      continue;
    }
    note(key, *made);
    places_[key] = fmt::format("{}: [{}]", recipe_place(value, file_), name_);
    out[key] = std::move(*made);
  }
  return out;
}

Result<void> RecipeSection::finish() {
  if (error_) {
    return std::unexpected(*error_);
  }
  if (table_ == nullptr) {
    return {};
  }
  for (const auto& [name, value] : *table_) {
    const std::string key(name.str());
    if (std::ranges::find(known_, key) != known_.end()) {
      continue;
    }
    const std::string near = nearest_key(key, known_);
    const bool is_section = name_.empty() && value.is_table();
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("{}: unknown {} '{}'", recipe_place(value, file_), is_section ? "section" : "key",
                            full_key(key).substr(0, kShownSizeBytesMax)),
                near.empty() ? fmt::format("known here: {}", fmt::join(known_, ", "))
                             : fmt::format("did you mean '{}'?", near));
  }
  return {};
}

}  // namespace asterism
