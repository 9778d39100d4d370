// Adding texts and images: what has no vector yet is embedded.
#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "base/file.hpp"
#include "base/sha256.hpp"
#include "store/collection_impl.hpp"

namespace asterism {
namespace {

struct Pending {
  std::size_t index = 0;  // of the item
  std::string file;       // of an image, where the item does not hold it
};

using OnItemError = std::function<void(std::size_t index, const Error&)>;

// An item's content, and its digest, so that it can be told from what is known. The image's file is read where the item
// names it only.
Result<Pending> prepare(Item& item, std::size_t index) {
  Pending pending{.index = index, .file = {}};
  if (item.kind == ItemKind::kVector) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("item \"{}\": expected a text or an image to embed, found neither", item.id));
  }
  if (item.kind == ItemKind::kImage && item.data.empty()) {
    auto file = read_file(item.content, kItemContentSizeBytesMax);
    if (!file) {
      return std::unexpected(std::move(file.error()));
    }
    pending.file = std::move(*file);
    item.content_sha256 = sha256_hex(std::as_bytes(std::span(pending.file)));
  }
  item.content_sha256 = content_digest(item);
  return pending;
}

// Vectors of items of one kind, [pending, dim]; rows that failed are reported.
Result<Embeddings> embed(Collection::Impl& collection, std::span<const Item> items,
                         std::span<const Pending* const> pending, ItemKind kind) {
  std::vector<std::string_view> contents;
  contents.reserve(pending.size());
  for (const Pending* one : pending) {
    const auto& item = items[one->index];
    contents.push_back(kind == ItemKind::kText ? item.content : item.data.empty() ? one->file : item.data);
  }
  return collection.embedder->embed(collection.store->settings(), CollectionEmbedder::Use::kItems, kind, contents);
}

class Adder {
 public:
  Adder(Collection::Impl& collection, std::vector<Item> items, const OnItemError& on_error)
      : collection_(collection), items_(std::move(items)), failed_(items_.size(), false), on_error_(on_error) {}

  Result<AddSummary> run() {
    std::vector<Pending> pending = prepare_all();
    if (auto known = take_known(pending); !known) {
      return std::unexpected(std::move(known.error()));
    }
    for (const auto kind : {ItemKind::kText, ItemKind::kImage}) {
      if (auto embedded = embed_kind(pending, kind); !embedded) {
        return std::unexpected(std::move(embedded.error()));
      }
    }
    return add_good();
  }

 private:
  void report(std::size_t index, const Error& error) {
    failed_[index] = true;
    if (on_error_) {
      on_error_(index, error);
    }
  }

  // Of equal contents the first is embedded; the others take its vector.
  std::vector<Pending> prepare_all() {
    std::vector<Pending> pending;
    std::unordered_map<std::string, std::size_t> first;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      auto prepared = prepare(items_[i], i);
      if (!prepared) {
        report(i, prepared.error());
        continue;
      }
      const auto key = fmt::format("{}{}", item_kind_name(items_[i].kind), items_[i].content_sha256);
      const auto [place, is_new] = first.try_emplace(key, i);
      if (is_new) {
        pending.push_back(std::move(*prepared));
      } else {
        same_as_.emplace_back(i, place->second);
      }
    }
    return pending;
  }

  Result<void> take_known(std::vector<Pending>& pending) {
    std::vector<std::string> digests;
    digests.reserve(pending.size());
    for (const auto& one : pending) {
      digests.push_back(items_[one.index].content_sha256);
    }
    auto known = collection_.store->vectors_of_content(digests);
    if (!known) {
      return std::unexpected(std::move(known.error()));
    }
    std::vector<Pending> unknown;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      if ((*known)[i]) {
        items_[pending[i].index].vector = std::move((*known)[i]->vector);
      } else {
        unknown.push_back(std::move(pending[i]));
      }
    }
    pending = std::move(unknown);
    return {};
  }

  Result<void> embed_kind(std::span<const Pending> pending, ItemKind kind) {
    std::vector<const Pending*> chosen;
    for (const auto& one : pending) {
      if (items_[one.index].kind == kind) {
        chosen.push_back(&one);
      }
    }
    if (chosen.empty()) {
      return {};
    }
    const auto vectors = embed(collection_, items_, chosen, kind);
    if (!vectors) {
      return std::unexpected(vectors.error());
    }
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (vectors->reports[i].error) {
        report(chosen[i]->index, *vectors->reports[i].error);
        continue;
      }
      const auto row = vectors->row(i);
      items_[chosen[i]->index].vector.assign(row.begin(), row.end());
      ++embedded_count_;
    }
    return {};
  }

  Result<AddSummary> add_good() {
    for (const auto& [index, first] : same_as_) {
      items_[index].vector = items_[first].vector;
    }
    std::vector<Item> good;
    good.reserve(items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (failed_[i]) {
        continue;
      }
      if (items_[i].vector.empty()) {
        report(i, {ErrorCode::kInvalidArgument,
                   fmt::format("item \"{}\": equal to one that could not be embedded", items_[i].id),
                   {}});
        continue;
      }
      if (auto checked = check_item(collection_.store->settings(), items_[i]); !checked) {
        report(i, checked.error());
        continue;
      }
      good.push_back(std::move(items_[i]));
    }
    if (good.empty()) {
      return AddSummary{.embedded_count = embedded_count_};
    }
    auto summary = collection_.store->add(good);
    if (summary) {
      summary->embedded_count = embedded_count_;
    }
    return summary;
  }

  Collection::Impl& collection_;
  std::vector<Item> items_;
  std::vector<bool> failed_;
  std::vector<std::pair<std::size_t, std::size_t>> same_as_;  // index, and the item of the same content
  const OnItemError& on_error_;
  std::uint64_t embedded_count_ = 0;
};

}  // namespace

Result<AddSummary> Collection::embed_and_add(std::vector<Item> items, const OnItemError& on_error) {
  return Adder(*impl_, std::move(items), on_error).run();
}

}  // namespace asterism
