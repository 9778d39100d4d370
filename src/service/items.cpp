#include "service/items.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.hpp"
#include "dataset/image_names.hpp"
#include "image/decode.hpp"
#include "pipeline/encoder_rows.hpp"

namespace asterism::service {
namespace {

std::unexpected<Error> about(const std::string& item, const Error& error) {
  return std::unexpected(Error{error.code, fmt::format("{}: {}", item, error.message), error.hint});
}

// What is encoded of one item: the text itself, or the file.
Result<std::string> payload_of(const std::string& item, PayloadKind kind) {
  return kind == PayloadKind::kText ? Result<std::string>(item) : read_file(item, kImageFileSizeBytesMax);
}

// Encodes the items of one kind and puts their vectors where the items stand.
Result<void> encode_kind(const Encoder& encoder, std::span<const std::string> items, PayloadKind kind,
                         ItemVectors& out) {
  std::vector<std::size_t> places;
  std::vector<Payload> payloads;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (out.kinds[i] != kind) {
      continue;
    }
    auto bytes = payload_of(items[i], kind);
    if (!bytes) {
      return std::unexpected(bytes.error());
    }
    places.push_back(i);
    payloads.push_back({.kind = kind, .bytes = *std::move(bytes)});
  }
  if (places.empty()) {
    return {};
  }
  if (auto taken = expect_kind(encoder, kind); !taken) {
    return taken;
  }
  auto encoded = encode_rows(encoder, payloads);
  if (!encoded) {
    return std::unexpected(encoded.error());
  }
  Embeddings& all = out.vectors;
  if (all.dim == 0) {
    all.dim = encoded->dim;
    all.values.resize(items.size() * all.dim);
  } else if (all.dim != encoded->dim) {
    return fail(
        ErrorCode::kMismatch,
        fmt::format("expected vectors of texts and images of one length, found {} and {}", all.dim, encoded->dim),
        "leave --layer and --pool out: only a model's last vectors are of one space");
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (const auto& error = encoded->reports[i].error) {
      return about(items[places[i]], *error);
    }
    std::ranges::copy(encoded->row(i), all.values.begin() + static_cast<std::ptrdiff_t>(places[i] * all.dim));
    all.reports[places[i]] = std::move(encoded->reports[i]);
  }
  return {};
}

bool is_image_file(const std::string& item) {
  std::error_code ignored;
  return has_image_extension(item) && std::filesystem::is_regular_file(item, ignored);
}

}  // namespace

PayloadKind common_kind(std::span<const std::string> items, ItemKind asked) {
  const bool images =
      asked == ItemKind::kImage || (asked == ItemKind::kAuto && std::ranges::all_of(items, is_image_file));
  return images ? PayloadKind::kImage : PayloadKind::kText;
}

PayloadKind item_kind(const EncoderInfo& model, ItemKind asked, const std::string& item) {
  if (asked != ItemKind::kAuto) {
    return asked == ItemKind::kImage ? PayloadKind::kImage : PayloadKind::kText;
  }
  if (!model.takes_images) {
    return PayloadKind::kText;
  }
  return !model.takes_texts || is_image_file(item) ? PayloadKind::kImage : PayloadKind::kText;
}

Result<ItemVectors> encode_items(const Encoder& encoder, std::span<const std::string> items, ItemKind kind) {
  ItemVectors out;
  for (const std::string& item : items) {
    out.kinds.push_back(item_kind(encoder.info(), kind, item));
  }
  out.vectors.row_count = items.size();
  out.vectors.reports.resize(items.size());
  for (const PayloadKind each : {PayloadKind::kText, PayloadKind::kImage}) {
    if (auto encoded = encode_kind(encoder, items, each, out); !encoded) {
      return std::unexpected(encoded.error());
    }
  }
  return out;
}

}  // namespace asterism::service
