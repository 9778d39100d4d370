// What turns texts and files of pictures into the vectors of collections.
//
// A Collection has one of its own, which loads the collection's model when it is first needed (CollectionEncoder). A
// server gives its collections one that asks the models and the queue that it has already.
// Thread-safety: any thread, several at once.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "asterism/collection.hpp"
#include "asterism/encoder.hpp"
#include "asterism/error.hpp"

namespace asterism {

class CollectionEmbedder {
 public:
  // What a vector is for: models may have a prompt for what is kept and another for what is asked.
  enum class Use : std::uint8_t { kItems, kQueries };

  virtual ~CollectionEmbedder() = default;
  // The settings of a new collection with what its model says: dim, digest, revision. As they are where they name no
  // model.
  virtual Result<CollectionSettings> complete(CollectionSettings settings) = 0;
  // [contents, dim] for texts or files of pictures (`kind`); RowReport::error where one has no vector.
  // kInvalidArgument when the collection has no model; kMismatch when the model's files are others than those that
  // made the collection's vectors.
  virtual Result<Embeddings> embed(const CollectionSettings& settings, Use use, ItemKind kind,
                                   std::span<const std::string_view> contents) = 0;
};

// kInvalidArgument where there is none, with what to do instead.
Result<void> expect_model(const CollectionSettings& settings);
// kMismatch unless a model whose files have this digest, and that gives vectors of this length, made the vectors.
// Collections that name no digest (made with a model inside an earlier version of the program) take any.
Result<void> expect_same_model(const CollectionSettings& settings, std::string_view sha256, std::size_t dim);

}  // namespace asterism
