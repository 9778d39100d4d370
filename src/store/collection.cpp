#include "asterism/collection.hpp"

#include <fmt/format.h>

#include <utility>

#include "store/collection_impl.hpp"
#include "store/filter_parser.hpp"
#include "store/vector_store.hpp"

namespace asterism {

Collection::Collection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Collection::Collection(Collection&&) noexcept = default;
Collection& Collection::operator=(Collection&&) noexcept = default;
Collection::~Collection() = default;

Result<Collection> Collection::create(std::string_view location, const CollectionSettings& settings,
                                      std::shared_ptr<CollectionEmbedder> embedder) {
  if (!embedder) {
    embedder = std::make_shared<CollectionEncoder>(0);
  }
  const auto place = parse_location(location);
  if (!place) {
    return std::unexpected(place.error());
  }
  const auto complete = embedder->complete(settings);
  if (!complete) {
    return std::unexpected(complete.error());
  }
  auto store = create_store(*place, *complete);
  if (!store) {
    return std::unexpected(std::move(store.error()));
  }
  return Collection(std::make_unique<Impl>(std::move(*store), std::move(embedder)));
}

Result<Collection> Collection::open(std::string_view location, const CollectionOpenOptions& options) {
  const auto place = parse_location(location);
  if (!place) {
    return std::unexpected(place.error());
  }
  auto store = open_store(*place, options);
  if (!store) {
    return std::unexpected(std::move(store.error()));
  }
  auto embedder = options.embedder ? options.embedder : std::make_shared<CollectionEncoder>(options.thread_count);
  return Collection(std::make_unique<Impl>(std::move(*store), std::move(embedder)));
}

Result<void> Collection::drop(std::string_view location) {
  const auto place = parse_location(location);
  return place ? drop_store(*place) : std::unexpected(place.error());
}

const CollectionSettings& Collection::settings() const noexcept {
  return impl_->store->settings();
}

Result<CollectionStatus> Collection::status() const {
  return impl_->store->status();
}

VectorStore& Collection::store() noexcept {
  return *impl_->store;
}

Result<AddSummary> Collection::add(std::span<const Item> items) {
  if (auto checked = check_items(settings(), items); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  return impl_->store->add(items);
}

Result<std::uint64_t> Collection::erase(std::span<const std::string> ids) {
  return impl_->store->erase(ids);
}

Result<std::uint64_t> Collection::erase_where(std::string_view filter) {
  const auto parsed = impl_->parse(filter);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }
  if (!*parsed) {
    return fail(ErrorCode::kInvalidArgument, "delete: expected a filter, found an empty one",
                "drop the collection to remove everything");
  }
  return impl_->store->erase_where(**parsed);
}

Result<std::vector<std::optional<Item>>> Collection::get(std::span<const std::string> ids,
                                                         const ItemParts& parts) const {
  return impl_->store->get(ids, parts);
}

Result<void> Collection::scan(std::string_view filter, const ItemParts& parts,
                              const std::function<Result<void>(Item&&)>& take) const {
  const auto parsed = impl_->parse(filter);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }
  return impl_->store->scan(*parsed ? &**parsed : nullptr, parts, take);
}

Result<std::uint64_t> Collection::count(std::string_view filter) const {
  const auto parsed = impl_->parse(filter);
  if (!parsed) {
    return std::unexpected(parsed.error());
  }
  return impl_->store->count(*parsed ? &**parsed : nullptr);
}

Result<SearchResult> Collection::search(const SearchRequest& request) const {
  return impl_->search(request);
}

Result<CollectionVersion> Collection::create_version(std::string_view name) {
  return impl_->store->create_version(name);
}

Result<void> Collection::drop_version(std::string_view name) {
  return impl_->store->drop_version(name);
}

Result<void> Collection::restore_version(std::string_view name) {
  return impl_->store->restore_version(name);
}

Result<void> Collection::build_index(const LongWork& work) {
  return impl_->store->build_index(work);
}

Result<void> Collection::compact(const LongWork& work) {
  return impl_->store->compact(work);
}

Result<VerifyReport> Collection::verify(const LongWork& work) const {
  return impl_->store->verify(work);
}

Result<CollectionTuneResult> Collection::tune(const CollectionTuneOptions& options, const LongWork& work) {
  return impl_->store->tune(options, work);
}

}  // namespace asterism
