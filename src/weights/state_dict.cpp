#include "weights/state_dict.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.hpp"
#include "weights/printable.hpp"

namespace asterism {
namespace {

// The order of timm.models.load_state_dict (averaged weights first), then what other trainers write.
constexpr std::array<std::string_view, 5> kEntries{"state_dict_ema", "model_ema", "state_dict", "model", "model_state"};
// In the order in which timm takes them off: torch.compile around DistributedDataParallel, or the other way round.
constexpr std::array<std::string_view, 3> kWrapperPrefixes{"_orig_mod.", "module.", "_orig_mod."};

std::string_view without_wrappers(std::string_view name) {
  for (const std::string_view prefix : kWrapperPrefixes) {
    if (name.starts_with(prefix)) {
      name.remove_prefix(prefix.size());
    }
  }
  return name;
}

struct Found {
  const PickleDict* dict = nullptr;
  std::string_view entry;
};

Found find_dict(const PickleDocument& document, const PickleDict& root) {
  for (const std::string_view wanted : kEntries) {
    for (const auto& [key, value] : root.items) {
      const auto* name = document.as<PickleText>(key);
      const auto* dict = document.as<PickleDict>(value);
      if (name != nullptr && name->text == wanted && dict != nullptr) {
        return {dict, wanted};
      }
    }
  }
  return {&root, ""};
}

std::string keys_of(const PickleDocument& document, const PickleDict& dict) {
  constexpr std::size_t kShownMax = 8;
  std::string out;
  for (std::size_t i = 0; i < std::min(dict.items.size(), kShownMax); ++i) {
    const auto* name = document.as<PickleText>(dict.items[i].first);
    out += fmt::format("{}{}", i == 0 ? "" : ", ",
                       name != nullptr ? printable(name->text) : describe(document.values[dict.items[i].first]));
  }
  return out + (dict.items.size() > kShownMax ? ", ..." : "");
}

Result<void> take(const PickleDocument& document, std::pair<PickleRef, PickleRef> item, std::string_view source,
                  StateDict& out) {
  const auto* key = document.as<PickleText>(item.first);
  const bool is_tensor = document.as<PickleTensor>(item.second) != nullptr;
  if (key == nullptr || !is_well_formed_utf8(key->text)) {
    if (!is_tensor) {
      return {};
    }
    return fail(ErrorCode::kCorrupt, fmt::format("{}: expected text as the name of each tensor, found {}", source,
                                                 describe(document.values[item.first])));
  }
  const std::string name(without_wrappers(key->text));
  if (!is_tensor) {
    out.ignored.push_back(name);
    return {};
  }
  if (!out.tensors.emplace(name, item.second).second) {
    return fail(ErrorCode::kCorrupt, fmt::format("{}: tensor '{}' is there twice", source, printable(name)));
  }
  return {};
}

}  // namespace

Result<StateDict> find_state_dict(const PickleDocument& document, std::string_view source) {
  const auto* root = document.as<PickleDict>(document.root);
  if (root == nullptr) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected a dict of tensors by name, found {}", source,
                            describe(document.values[document.root])),
                "save model.state_dict() in Python");
  }
  const Found found = find_dict(document, *root);
  StateDict out;
  out.entry = found.entry;
  for (const auto& item : found.dict->items) {
    if (auto taken = take(document, item, source, out); !taken) {
      return std::unexpected(taken.error());
    }
  }
  if (out.tensors.empty() && !found.dict->items.empty()) {
    return fail(ErrorCode::kUnsupported,
                fmt::format("{}: expected tensors by name at the top or under {}, found the entries {}", source,
                            fmt::join(kEntries, ", "), keys_of(document, *found.dict)),
                "save model.state_dict() in Python");
  }
  return out;
}

}  // namespace asterism
