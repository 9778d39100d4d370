#include "dataset/jsonl_metadata.hpp"

#include <algorithm>
#include <vector>

#include "dataset/json_text.hpp"

namespace asterism {
namespace {

namespace dom = simdjson::dom;

// Paths below one object.
using Paths = std::vector<std::string_view>;

// Those of `paths` that go on below `key`, without it.
Paths below(const Paths& paths, std::string_view key) {
  Paths inner;
  for (const std::string_view path : paths) {
    if (path.size() > key.size() && path.starts_with(key) && path[key.size()] == '.') {
      inner.push_back(path.substr(key.size() + 1));
    }
  }
  return inner;
}

// A path with a dot that is a key as it stands means that key.
Paths without_keys(const dom::object& object, Paths paths) {
  for (const auto field : object) {
    std::erase(paths, field.key);
  }
  return paths;
}

bool is_in(const Paths& paths, std::string_view key) {
  return std::ranges::find(paths, key) != paths.end();
}

// `paths` are those to keep, or else to leave out. False, with nothing appended, where nothing of the object is kept.
bool append_object(std::string& out, const dom::object& object, const Paths& paths, bool keep) {
  const std::size_t start = out.size();
  const Paths deeper = without_keys(object, paths);
  out += '{';
  bool any = false;
  for (const auto field : object) {
    const bool named = is_in(paths, field.key);
    const Paths inner = below(deeper, field.key);
    if (named ? !keep : keep && inner.empty()) {
      continue;
    }
    const std::size_t before = out.size();
    out += any ? "," : "";
    append_json_string(out, field.key);
    out += ':';
    dom::object members;
    if (named || inner.empty()) {
      out += simdjson::minify(field.value);
    } else if (field.value.get_object().get(members) == simdjson::SUCCESS) {
      if (!append_object(out, members, inner, keep)) {
        out.resize(before);
        continue;
      }
    } else if (keep) {
      out.resize(before);
      continue;
    } else {
      out += simdjson::minify(field.value);
    }
    any = true;
  }
  out += '}';
  if (!any) {
    out.resize(start);
  }
  return any;
}

}  // namespace

std::string jsonl_metadata(const dom::object& record, const MetadataColumns& columns,
                           std::span<const std::string_view> left_out) {
  std::string out;
  const Paths paths =
      columns.all ? Paths(left_out.begin(), left_out.end()) : Paths(columns.names.begin(), columns.names.end());
  return append_object(out, record, paths, !columns.all) ? out : "{}";
}

}  // namespace asterism
