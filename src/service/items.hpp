// Texts and image files that a person names on the command line, and their vectors.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "asterism/encoder.hpp"
#include "asterism/error.hpp"
#include "dataset/row.hpp"

namespace asterism::service {

enum class ItemKind : std::uint8_t { kAuto, kText, kImage };

// A text, or the path of an image file. kAuto: an image for a model that takes nothing else, and for one that takes
// both when the file exists and is called like an image.
PayloadKind item_kind(const EncoderInfo& model, ItemKind asked, const std::string& item);

// Before a model is chosen: kImage where all items are, by the same rules, pictures.
PayloadKind common_kind(std::span<const std::string> items, ItemKind asked);

struct ItemVectors {
  std::vector<PayloadKind> kinds;  // [items]
  Embeddings vectors;              // [items, dim]
};

// kUnsupported for a kind that the model does not take; an image that cannot be read or decoded is an error that names
// it. kMismatch when texts and images come out in different lengths (a layer was asked for).
Result<ItemVectors> encode_items(const Encoder& encoder, std::span<const std::string> items, ItemKind kind);

}  // namespace asterism::service
